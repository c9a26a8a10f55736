// The parts of a drawing: pixels that touch one another, at corners too.

// Label the pixels of a mask by their parts, from 1 on in the order of their first pixels; 0 where
// the mask is not. And list the parts: their pixels, their first and last rows and columns.
function partsOf({height, width, data}) {
  const labels = new Int32Array(height * width), parts = [];
  for (let start = 0; start < data.length; start++) {
    if (!data[start] || labels[start]) continue;
    const label = parts.length + 1, waiting = [start];
    const part = {label, pixels: 0, top: height, bottom: 0, left: width, right: 0};
    labels[start] = label;
    while (waiting.length) {
      const at = waiting.pop(), row = Math.floor(at / width), column = at % width;
      part.pixels += 1;
      part.top = Math.min(part.top, row);
      part.bottom = Math.max(part.bottom, row);
      part.left = Math.min(part.left, column);
      part.right = Math.max(part.right, column);
      for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, height - 1); r++)
        for (let c = Math.max(column - 1, 0); c <= Math.min(column + 1, width - 1); c++) {
          const there = r * width + c;
          if (data[there] && !labels[there]) {
            labels[there] = label;
            waiting.push(there);
          }
        }
    }
    parts.push(part);
  }
  return {labels, parts: parts.map(measured)};
}

const measured = (part) => {
  const tall = part.bottom - part.top + 1, wide = part.right - part.left + 1;
  return {...part, height: tall, width: wide, size: Math.max(tall, wide)};
};

// The box around several parts, as one part.
const boxOf = (parts) => measured({
  top: Math.min(...parts.map((part) => part.top)),
  bottom: Math.max(...parts.map((part) => part.bottom)),
  left: Math.min(...parts.map((part) => part.left)),
  right: Math.max(...parts.map((part) => part.right)),
});

// Let a mask grow by so many pixels on every side: along the rows, then along the columns. A pixel
// is reached if there are any within so many of it: if the counts up to either end differ.
function grown(mask, by) {
  for (let pass = 0; pass < 2; pass++) {
    const {height, width, data} = mask, more = picture(height, width);
    const counts = new Int32Array(width + 1);
    for (let r = 0; r < height; r++) {
      for (let c = 0; c < width; c++) counts[c + 1] = counts[c] + (data[r * width + c] ? 1 : 0);
      for (let c = 0; c < width; c++)
        more.data[r * width + c] =
          counts[Math.min(c + by + 1, width)] > counts[Math.max(c - by, 0)] ? 1 : 0;
    }
    mask = turned(more);
  }
  return mask;
}
