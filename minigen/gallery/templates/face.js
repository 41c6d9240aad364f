const all = selector => [...document.querySelectorAll(selector)];
const hero = document.querySelector('.hero > img'), pairs = all('.pair'), dialog = document.querySelector('dialog');
let shown = 0;
document.querySelector('.another').onclick = () => {
  shown = (shown + 1) % pairs.length;
  const next = pairs[shown].querySelector('.new');
  hero.src = next.src;
  hero.alt = next.alt;
};
for (const pair of pairs) pair.onclick = () => {
  for (const kind of ['new', 'known']) {
    const large = dialog.querySelector('.' + kind), small = pair.querySelector('.' + kind);
    large.src = small.src;
    large.alt = small.alt;
  }
  dialog.querySelector('p').textContent = pair.querySelector('small').textContent;
  dialog.showModal();
};
dialog.onclick = event => { if (event.target === dialog) dialog.close(); };
for (const choice of all('[name=band]')) choice.onchange = () => {
  for (const matrix of all('.matrix')) matrix.hidden = matrix.id !== choice.value;
};
const slider = document.querySelector('input[type=range]'), film = document.querySelector('.window img');
(slider.oninput = () => {
  film.style.transform = `translateX(${-100 * slider.value / (Number(slider.max) + 1)}%)`;
})();
