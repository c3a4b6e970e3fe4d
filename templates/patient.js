// Searches as one types: the form is sent as its button would send it, and what it found is put in place.
(() => {
  'use strict';
  const form = document.getElementById('search');
  const field = document.getElementById('q');
  const found = document.getElementById('found');
  const status = document.getElementById('status');
  if (!form || !field || !found || !status) return;
  let timer = 0;
  let shown = field.value.trim();
  let running = new AbortController();

  const ask = async (words) => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    const body = new URLSearchParams(new FormData(form));
    body.set('search', 'words');
    try {
      const answer = await fetch(form.action, { method: 'POST', body, signal, redirect: 'error', credentials: 'same-origin' });
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const next = page.getElementById('found');
      const told = page.getElementById('status');
      if (signal.aborted || !next || !told) throw new Error('another page');
      const chosen = found.querySelector('input[name="patient"]:checked');
      found.replaceChildren(...document.importNode(next, true).childNodes);
      for (const radio of found.querySelectorAll('input[name="patient"]')) {
        radio.checked = chosen !== null && radio.value === chosen.value;
      }
      status.textContent = told.textContent;
      shown = words;
    } catch {
      if (!signal.aborted) status.textContent = 'The search did not work. Press Enter to try again.';
    }
  };

  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const words = field.value.trim();
      if (words !== shown) ask(words);
    }, 250);
  });
})();
