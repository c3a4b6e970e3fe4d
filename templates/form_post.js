// Sends the answer as its button would. A code is good once, so the button rests while that is under way.
(() => {
  'use strict';
  const form = document.getElementById('answer');
  const button = form?.querySelector('button');
  if (!form || !button) return;
  form.addEventListener('submit', () => {
    button.disabled = true;
    setTimeout(() => {
      button.disabled = false;
    }, 10_000);
  });
  form.requestSubmit();
})();
