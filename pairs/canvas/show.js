// What is to be seen of an answer: bars, the table, the layers' values.

const percent = (p) => (
  p >= 0.99995 ? "over 99.99 %" : p >= 0.00005 ? `${(100 * p).toFixed(2)} %` : "under 0.01 %");
const made = (tag, name, words = "") => (
  Object.assign(document.createElement(tag), {className: name, textContent: words}));
const digitsOf = Array.from({length: 10}, (_, i) => i);

// Ten bars, one below the other; what it gives shows probabilities on them.
function barsIn(list) {
  const rows = digitsOf.map((digit) => {
    const row = made("li", ""), track = made("span", "track"), bar = made("span", "bar");
    const share = made("span", "share");
    track.append(bar);
    row.append(made("b", "", String(digit)), track, share);
    list.append(row);
    return {row, bar, share};
  });
  return (digits) => rows.forEach(({row, bar, share}, i) => {
    const p = digits ? digits[i] : 0;
    bar.style.width = `${100 * p}%`;
    share.textContent = digits ? (100 * p).toFixed(1) : "–";
    row.classList.toggle("likeliest", Boolean(digits) && p === Math.max(...digits));
  });
}

// The table of the products p_i q_j, a row for each i; those of i ≤ j are the ones summed up.
function tableIn(table) {
  const head = made("tr", "");
  head.append(made("td", ""), ...digitsOf.map((j) => (
    Object.assign(made("th", "", String(j)), {scope: "col"}))));
  const cells = digitsOf.map((i) => digitsOf.map((j) => (
    made("td", i < j ? "summed" : i === j ? "summed step" : "other"))));
  const rows = cells.map((row, i) => {
    const line = made("tr", "");
    line.append(Object.assign(made("th", "", String(i)), {scope: "row"}), ...row);
    return line;
  });
  table.append(head, ...rows);
  return (products) => cells.forEach((row, i) => row.forEach((cell, j) => {
    const p = products ? products[i][j] : 0;
    cell.style.setProperty("--share", `${(100 * Math.sqrt(p)).toFixed(1)}%`);
    cell.textContent = p >= 0.005 ? (100 * p).toFixed(0) : "";
    cell.classList.toggle("strong", p >= 0.3);
  }));
}

// The values of a layer on a canvas: a small picture for each channel, side by side in rows.
function drawValues(canvas, {shape: [height, width, channels], data}, colours) {
  const across = channels === 1 ? 1 : height === 1 ? channels : channels > 32 ? 16 : 8;
  const [wide, tall] = [width + 1, height + 1];
  canvas.width = across * wide - 1;
  canvas.height = Math.ceil(channels / across) * tall - 1;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const most = data.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
  data.forEach((value, at) => {
    const k = at % channels, pixel = Math.floor(at / channels);
    const row = Math.floor(k / across) * tall + Math.floor(pixel / width);
    const column = (k % across) * wide + pixel % width;
    const colour = value < 0 ? colours.below : colours.above, share = Math.abs(value) / most;
    const place = 4 * (row * canvas.width + column);
    for (let i = 0; i < 3; i++)
      image.data[place + i] = colours.zero[i] + share * (colour[i] - colours.zero[i]);
    image.data[place + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

// The colours of the page as it is now, by day or by night.
function coloursOf(element) {
  const style = getComputedStyle(element);
  const parts = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi)
    .map((hex) => parseInt(hex, 16));
  return {zero: parts("--grid"), above: parts("--accent"), below: parts("--minus")};
}

// A line for each layer: its name and shape, and two canvases; what it gives shows both sides.
function layersIn(place, names) {
  const canvases = names.map((name) => {
    const figure = made("figure", "layer"), caption = made("figcaption", "");
    const size = made("span", "size"), pair = made("div", "pair");
    caption.append(made("b", "", name), size);
    const both = ["left", "right"].map((side) => {
      const canvas = made("canvas", "");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${side}: ${name}`);
      return canvas;
    });
    pair.append(...both);
    figure.append(caption, pair);
    place.append(figure);
    return {size, both};
  });
  return (sides) => {
    const colours = coloursOf(place);
    canvases.forEach(({size, both}, n) => {
      const [height, width, channels] = sides[0].layers[n][1].shape;
      size.textContent = height > 1 ? ` ${height}×${width}×${channels}` : ` ${channels}`;
      both.forEach((canvas, i) => drawValues(canvas, sides[i].layers[n][1], colours));
    });
  };
}
