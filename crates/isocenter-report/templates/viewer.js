// An enhancement: without it the page shows the same images side by side.
for (const view of document.querySelectorAll(".view")) {
  const viewer = view.querySelector(".viewer");
  const layers = viewer.querySelector(".layers");
  const [xray, start, result] = [...view.querySelectorAll(".alone img")].map((img) => img.cloneNode());
  layers.append(xray, start, result);
  const slider = viewer.querySelector("[name=share]");
  const tiles = viewer.querySelector("[name=tiles]");
  const which = viewer.querySelector("[name=which]");
  const aspect = xray.width / xray.height;
  layers.style.setProperty("--tile", 25 * aspect + "%");
  const show = () => {
    start.hidden = which.value !== "start";
    result.hidden = !start.hidden;
    start.style.opacity = result.style.opacity = tiles.checked ? 1 : slider.value / 100;
    layers.classList.toggle("tiles", tiles.checked);
    slider.disabled = tiles.checked;
  };
  for (const control of [slider, tiles, which]) control.addEventListener("input", show);
  show();
  viewer.hidden = false;
  view.querySelector(".still").classList.add("replaced");
}
