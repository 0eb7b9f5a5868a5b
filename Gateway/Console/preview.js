// Runs in the sandboxed frame that shows the HTML of a mail. The frame's own policy lets nothing load and no script of the mail run.
addEventListener('message', (event) => {
  if (event.source !== parent || typeof event.data?.html !== 'string') return;
  const mail = new DOMParser().parseFromString(event.data.html, 'text/html');
  for (const link of mail.querySelectorAll('a[href]')) link.removeAttribute('href');
  for (const image of mail.querySelectorAll('img:not([src^="data:"])')) image.removeAttribute('src');
  document.head.replaceChildren(...mail.head.querySelectorAll('style'));
  document.body.replaceWith(document.adoptNode(mail.body));
});
parent.postMessage({ preview: 'ready' }, '*');
