// Sends what shoppers do to evenshelf. Include it once:
//   <script src="https://SERVICE/events.js" data-key="evs_…" data-user="u42" async></script>
// and tell it what happens:
//   evenshelf.send({kind: "click", item_id: "S000001", position: 3})
// Events are sent together, every second and when the page is left. What was not acknowledged is sent again, also by the
// next page; the service knows an event by its id and counts it once.
(function () {
  "use strict";
  var me = document.currentScript;
  var address = new URL("v1/events", me.src);
  if (me.dataset.key) address.searchParams.set("key", me.dataset.key);
  var PLACE = "evenshelf.events", MOST = 500, GROUP = 50, PAUSE = 1000, LONGEST = 60000;
  var waiting = read(), sending = false, timer = null, pause = PAUSE, group = GROUP;

  function name() {
    if (self.crypto && crypto.randomUUID) return crypto.randomUUID();
    var parts = crypto.getRandomValues(new Uint32Array(4));
    return Array.from(parts, function (n) { return n.toString(16).padStart(8, "0"); }).join("");
  }

  function read() {
    try { return JSON.parse(localStorage.getItem(PLACE)) || []; } catch (e) { return []; }
  }

  function keep() {
    try { localStorage.setItem(PLACE, JSON.stringify(waiting)); } catch (e) { /* none in private windows */ }
  }

  function visit() {
    try {
      var found = sessionStorage.getItem("evenshelf.visit");
      if (!found) sessionStorage.setItem("evenshelf.visit", found = name());
      return found;
    } catch (e) { return null; }
  }

  function body(events) {
    // text/plain needs no question to the service beforehand, which a page that is left could not wait for
    return new Blob([JSON.stringify({events: events})], {type: "text/plain"});
  }

  function later() {
    if (timer === null && waiting.length) timer = setTimeout(function () { timer = null; flush(); }, pause);
  }

  function done(events) {
    var gone = new Set(events.map(function (e) { return e.event_id; }));
    waiting = waiting.filter(function (e) { return !gone.has(e.event_id); });
    keep();
  }

  function flush() {
    if (sending || !waiting.length) return;
    var events = waiting.slice(0, group);
    sending = true;
    fetch(address, {method: "POST", body: body(events), keepalive: true, mode: "cors", credentials: "omit"}).then(
      function (answer) {
        sending = false;
        var wrong = answer.status === 422 || answer.status === 413;
        if (answer.ok) { done(events); pause = PAUSE; group = Math.min(2 * group, GROUP); }
        else if (wrong && events.length > 1) { group = 1; }  // one that is wrong must not cost the others
        else if (wrong) { done(events); if (self.console) console.warn("evenshelf: an event was refused"); }
        else { pause = Math.min(2 * pause, LONGEST); }
        later();
      },
      function () { sending = false; pause = Math.min(2 * pause, LONGEST); later(); }
    );
  }

  function leave() {
    if (!waiting.length) return;
    keep();
    // Kept until they are acknowledged: that a beacon was taken over does not say that it arrived.
    navigator.sendBeacon(address, body(waiting.slice(0, GROUP)));
  }

  function send(event) {
    var own = {event_id: name(), time: new Date().toISOString()};
    if (me.dataset.user) own.user_id = me.dataset.user;
    var session = visit();
    if (session) own.session_id = session;
    waiting.push(Object.assign(own, event));
    if (waiting.length > MOST) waiting = waiting.slice(-MOST);
    keep();
    if (waiting.length >= GROUP) flush(); else later();
    return own.event_id;
  }

  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", function () { if (document.visibilityState === "hidden") leave(); });
  self.evenshelf = {send: send, flush: flush};
  later();
})();
