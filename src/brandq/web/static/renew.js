// Parts of a page that change by themselves: <section id="…" data-renew="SECONDS"> is taken from the page again that often,
// while somebody looks. What cannot be fetched stays as it is and is tried again.

for (const part of document.querySelectorAll("[data-renew][id]")) renew(part.id, Number(part.dataset.renew) * 1000);

function renew(id, waitMs) {
  setTimeout(async () => {
    const shown = document.getElementById(id);
    if (!shown) return;
    try {
      if (!document.hidden && !shown.contains(document.activeElement)) {
        const response = await fetch(location.href, { headers: { Accept: "text/html" } });
        const fresh = response.ok && new DOMParser().parseFromString(await response.text(), "text/html").getElementById(id);
        if (fresh) shown.replaceWith(document.adoptNode(fresh));
        else if (response.ok) location.reload();
      }
    } catch {
      // the network is away; the next turn may find it back
    }
    renew(id, waitMs);
  }, waitMs);
}
