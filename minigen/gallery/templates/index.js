// Narrows the index of terms to those that contain all words typed. Without this it is whole, only longer.
const box = document.querySelector('.find'), words = box.querySelector('input'), count = box.querySelector('output');
const entries = [...document.querySelectorAll('.terms li')];
function narrow() {
  const asked = words.value.toLowerCase().split(/\s+/);
  for (const entry of entries) entry.hidden = !asked.every(word => entry.dataset.words.includes(word));
  const left = entries.filter(entry => !entry.hidden);
  count.textContent = words.value ? `${left.length} of ${entries.length}` : '';
  return left;
}
box.hidden = false;
words.addEventListener('input', narrow);
words.addEventListener('keydown', event => {
  const [first] = narrow();
  if (event.key === 'Enter') first?.querySelector('a')?.click();
});
