// The paper and the pen: a picture is drawn here and not by the canvas, so that it is the same in
// every browser.

const SIDE = 280;    // pixels of a picture's side
const MARGIN = 12;   // pixels along the border that stay paper
const RADIUS = 10;   // half of the pen's width
const PAPER = 255;

const blank = () => new Uint8ClampedArray(SIDE * SIDE).fill(PAPER);

// Draw a straight line from one point to another on a picture, where it is not darker already. A
// pixel is covered as far as its middle is inside of the pen's border.
function drawLine(pixels, [x, y], [u, v]) {
  const [first, last] = [MARGIN, SIDE - 1 - MARGIN];
  const reach = RADIUS + 1;
  const from = (a, b) => Math.max(Math.floor(Math.min(a, b) - reach), first);
  const to = (a, b) => Math.min(Math.ceil(Math.max(a, b) + reach), last);
  const squared = (u - x) ** 2 + (v - y) ** 2;
  for (let row = from(y, v); row <= to(y, v); row++)
    for (let column = from(x, u); column <= to(x, u); column++) {
      const [right, down] = [column + 0.5 - x, row + 0.5 - y];
      const along = squared ? (right * (u - x) + down * (v - y)) / squared : 0;
      const share = Math.min(Math.max(along, 0), 1);
      const distance = Math.hypot(right - share * (u - x), down - share * (v - y));
      const light = PAPER * (1 - Math.min(Math.max(RADIUS + 0.5 - distance, 0), 1));
      const at = row * SIDE + column;
      if (light < pixels[at]) pixels[at] = light;
    }
}

// A picture of strokes, each a list of points [x, y]; one point is a dot.
function drawn(strokes) {
  const pixels = blank();
  for (const stroke of strokes)
    stroke.forEach((point, i) => drawLine(pixels, stroke[Math.max(i - 1, 0)], point));
  return pixels;
}

// Put a picture on a canvas.
function paint(canvas, pixels) {
  const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
  const parts = image.data.fill(255);
  for (let at = 0; at < pixels.length; at++)
    parts[4 * at] = parts[4 * at + 1] = parts[4 * at + 2] = pixels[at];
  context.putImageData(image, 0, 0);
}
