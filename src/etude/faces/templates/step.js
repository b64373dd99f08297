(() => {
  const stops = [...document.querySelectorAll('.film input[type="radio"]')];
  const place = document.querySelector('.film-range');
  if (stops.length < 2 || !place) return;
  const range = document.createElement('input');
  const told = document.createElement('output');
  Object.assign(range, { type: 'range', min: 0, max: stops.length - 1, step: 1 });
  range.setAttribute('aria-label', 'Recorded step');
  const show = () => {
    const at = stops.findIndex((stop) => stop.checked);
    range.value = at;
    told.textContent = 'step ' + stops[at].value;
    range.setAttribute('aria-valuetext', told.textContent);
  };
  range.addEventListener('input', () => { stops[range.value].checked = true; show(); });
  stops.forEach((stop) => stop.addEventListener('change', show));
  place.append(range, told);
  show();
})();
