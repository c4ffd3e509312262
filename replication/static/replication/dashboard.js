"use strict";
// Renews the dashboard every few seconds while somebody looks. Without it the page works by reloading.
{
    const PERIOD_MS = 4000;
    const PATIENCE_MS = 10000;
    const status = document.getElementById("status");
    const stale = document.getElementById("stale");

    // Where the keyboard is, so that it is there again afterwards.
    const focused = () => {
        const links = [...status.querySelectorAll("a")];
        const at = links.indexOf(document.activeElement);
        return at < 0 ? null : {href: links[at].href, nth: links.slice(0, at).filter((link) => link.href === links[at].href).length};
    };

    const focus = (place) => {
        const same = [...status.querySelectorAll("a")].filter((link) => link.href === place.href);
        (same[place.nth] ?? same[0])?.focus({preventScroll: true});
    };

    const renew = async () => {
        const answer = await fetch(status.dataset.url, {
            credentials: "same-origin",
            signal: AbortSignal.timeout(PATIENCE_MS),
        });
        if (answer.redirected) {
            location.reload(); // the session has ended
            return;
        }
        if (!answer.ok) {
            throw new Error(answer.status);
        }
        const text = await answer.text();
        const place = focused();
        status.innerHTML = text;
        if (place) {
            focus(place);
        }
    };

    const tick = async () => {
        if (!document.hidden) {
            try {
                await renew();
                stale.hidden = true;
            } catch {
                stale.hidden = false;
            }
        }
        setTimeout(tick, PERIOD_MS);
    };

    document.addEventListener("visibilitychange", () => document.hidden || renew().catch(() => {}));
    setTimeout(tick, PERIOD_MS);
}
