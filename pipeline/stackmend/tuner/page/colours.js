// Colours of what lies over a slice.

const OUTLINE = [255, 176, 46];
const FILL = [255, 122, 26];

/** The picture of a layer as it is drawn: masks come as what they cover, and are given a colour. */
export async function coloured(layer, blob) {
  const bitmap = await createImageBitmap(blob);
  if (layer === "outline") return tinted(bitmap, OUTLINE, 1);
  if (layer === "mask") return tinted(bitmap, FILL, 0.45);
  return bitmap;
}

function tinted(bitmap, [red, green, blue], alpha) {
  const sheet = new OffscreenCanvas(bitmap.width, bitmap.height);
  const pen = sheet.getContext("2d");
  pen.globalAlpha = alpha;
  pen.drawImage(bitmap, 0, 0);
  pen.globalAlpha = 1;
  pen.globalCompositeOperation = "source-in";
  pen.fillStyle = `rgb(${red} ${green} ${blue})`;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  bitmap.close();
  return sheet.transferToImageBitmap();
}
