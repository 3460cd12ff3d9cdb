"""A protocol's steps bound to their parameters, compiled to a graph of stages and evaluated.

Searching and applying both evaluate the same nodes, so what was scored is what is applied.

How to read it: ``Bound`` is a step with its values. ``compile_chain`` turns consecutive steps into
a ``Graph`` of ``Node``s, one for each stage; ``Graph.evaluate`` computes it for one slice. A stage
that sees neighbouring slices makes the nodes before it stand in the graph once for each of these
slices (``compile.py``); ``Consecutive`` walks over slices in a row and computes what they share
once.
"""

from stackmend.chain.bound import Bound
from stackmend.chain.compile import compile_chain
from stackmend.chain.consecutive import Consecutive
from stackmend.chain.graph import (
    ABSENT,
    Graph,
    Node,
    Parameter,
    Products,
    Source,
    is_refusal,
    product_of_neighbour,
)
from stackmend.chain.refusal import CORRECTION_REFUSED, refusable

__all__ = [
    "ABSENT",
    "CORRECTION_REFUSED",
    "Bound",
    "Consecutive",
    "Graph",
    "Node",
    "Parameter",
    "Products",
    "Source",
    "compile_chain",
    "is_refusal",
    "product_of_neighbour",
    "refusable",
]
