/* The day: its grid and its list, drawn from the same data, and kept up to date. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const POLL_MS = 5000, UNDO_SECONDS = 6, NARROW = matchMedia("(max-width: 600px)");
  const grid = document.getElementById("grid"), list = document.getElementById("list"), lost = document.getElementById("lost");
  const { toast, openPanel, csrf } = window.desk;
  let board = JSON.parse(document.getElementById("board").textContent), etag = "", calendar = null, slotHeight = 20;
  const PIPS = { planned: "·", sending: "…", sent: "✓", delivered: "✓", failed: "!", "opted-out": "×" };
  const STATUS = { booked: gettext("booked"), arrived: gettext("arrived"), in_service: gettext("being served"), completed: gettext("done"), no_show: gettext("did not come"), cancelled: gettext("cancelled"), offered: gettext("offered") };
  const visitUrl = (id) => grid.dataset.visit.replace("/0/", `/${id}/`);
  const blockUrl = (id) => grid.dataset.block.replace("/0/", `/${id}/`);
  const say = (words, values) => interpolate(words, values, true);
  const clock = (wall) => wall.slice(11, 16);

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  function pip(visit) {
    if (!PIPS[visit.text]) return null;
    const mark = make("span", `pip ${visit.text}`, PIPS[visit.text]);
    mark.title = visit.textLabel; mark.setAttribute("role", "img"); mark.setAttribute("aria-label", visit.textLabel);
    return mark;
  }

  // --- The grid -----------------------------------------------------------------------------------
  const moving = new Map(); // visits whose move is not sent yet: id → where they are shown
  function events() {
    const shown = board.visits.filter((visit) => visit.status !== "cancelled").map((visit) => {
      const at = moving.get(visit.id) || visit;
      return { id: `v${visit.id}`, resourceId: at.chair, start: at.start, end: at.end, editable: visit.movable && !moving.has(visit.id), classNames: ["visit", visit.status, ...(moving.has(visit.id) ? ["moving"] : [])], extendedProps: { visit, at } };
    });
    const blocks = board.blocks.filter((block) => block.chair !== null).map((block) => ({ id: `b${block.id}`, resourceId: block.chair, start: block.start, end: block.end, editable: false, classNames: ["block"], extendedProps: { block } }));
    const closed = board.closed.map((span) => ({ resourceId: span.chair, start: span.start, end: span.end, display: "background" }));
    return [...shown, ...blocks, ...closed, ...nowLine()];
  }
  function content({ event }) {
    const inside = make("div", "ev");
    const { visit, block, at } = event.extendedProps;
    // What does not fit is still read out.
    const line = (isShown, text) => inside.append(make("span", isShown ? "sub" : "sr", text));
    if (block) { inside.append(make("b", "", block.label), make("span", "sub", block.person)); return { domNodes: [inside] }; }
    if (!visit) return undefined;
    const first = make("div", "line1"), name = make("b", "", visit.customer), mark = pip(visit);
    name.dir = "auto";
    const isDragged = event.display === "preview";
    const times = isDragged ? `${clock(wallOf(event.start))}–${clock(wallOf(event.end))}` : `${clock(at.start)}–${clock(at.end)}`;
    const lines = Math.floor((((event.end - event.start) / 900000) * slotHeight - 6) / 16);
    first.append(name);
    if (lines < 2) first.append(make("span", "sub", times));
    if (mark) first.append(mark);
    inside.append(first);
    line(lines > 1, lines > 1 ? `${times} ${visit.what}` : visit.what);
    line(lines > 2, visit.person);
    line(false, STATUS[visit.status]);
    return { domNodes: [inside] };
  }
  /** The calendar hands out Dates whose local fields are the salon's wall clock. A time that the browser's own clock
   *  skips cannot be told so: good for what is shown during a drag, not for what is saved. */
  function wallOf(date) {
    const two = (number) => String(number).padStart(2, "0");
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}:00`;
  }
  const later = (wall, { days, seconds }) => new Date(Date.parse(`${wall}Z`) + (days * 86400 + seconds) * 1000).toISOString().slice(0, 19);
  const minutesBetween = (start, end) => Math.round((Date.parse(end + "Z") - Date.parse(start + "Z")) / 60000);
  function ask(start, end, chair) {
    const query = new URLSearchParams({ date: start.slice(0, 10), time: clock(start), column_id: chair });
    if (end) query.set("minutes", minutesBetween(start, end));
    openPanel(`${grid.dataset.book}?${query}`);
  }
  function drawGrid() {
    const hours = Number(board.to.slice(0, 2)) - Number(board.from.slice(0, 2));
    const head = 48, room = Math.max(grid.clientHeight - head, 420);
    slotHeight = Math.max(22, Math.min(34, Math.floor(room / (hours * 4))));
    const options = {
      view: "resourceTimeGridDay", date: board.date, timeZone: board.offset, headerToolbar: { start: "", center: "", end: "" },
      resources: board.chairs.map((chair) => ({ id: chair.id, title: chair.title })), events: events(),
      slotDuration: "00:15", snapDuration: "00:05", slotLabelInterval: "01:00", slotHeight, slotMinTime: board.from, slotMaxTime: board.to,
      slotLabelFormat: (time) => `${String(time.getHours()).padStart(2, "0")}:00`, dayHeaderFormat: () => "", allDaySlot: false, nowIndicator: false, slotEventOverlap: false, height: "100%",
      editable: true, eventStartEditable: true, eventDurationEditable: true, selectable: true, selectMinDistance: 8, longPressDelay: 400,
      eventContent: content,
      eventDidMount: ({ el, event }) => {
        const { visit, block } = event.extendedProps;
        if (visit) el.id = `visit-${visit.id}`;
        if (visit && visit.colour) el.style.setProperty("--edge", visit.colour);
      },
      eventAllUpdated: () => { withoutTableRoles(); keepFocus(); },
      eventClick: ({ event }) => { if (event.extendedProps.visit) openPanel(visitUrl(event.extendedProps.visit.id)); else if (event.extendedProps.block) openPanel(blockUrl(event.extendedProps.block.id)); },
      dateClick: ({ dateStr, resource }) => ask(dateStr.slice(0, 19), null, resource.id),
      select: ({ startStr, endStr, resource }) => { ask(startStr.slice(0, 19), endStr.slice(0, 19), resource.id); calendar.unselect(); },
      eventDrop: (info) => move(info, info.newResource), eventResize: (info) => move(info, null),
    };
    grid.replaceChildren();
    calendar = EventCalendar.create(grid, options);
    // It scrolls; without a visit in it nothing else there could be reached by keyboard.
    const scrolled = grid.querySelector(".ec-main");
    scrolled.tabIndex = 0; scrolled.setAttribute("role", "group"); scrolled.setAttribute("aria-label", gettext("Times of the day"));
  }
  /** The calendar says that it is a table, whose rows its events are not: a reader is told of a list of buttons instead. */
  function withoutTableRoles() {
    for (const part of grid.querySelectorAll("[role=table], [role=grid], [role=rowgroup], [role=row], [role=columnheader], [role=rowheader], [role=cell], [role=gridcell]")) {
      for (const name of ["role", "aria-colindex", "aria-rowindex", "aria-colcount", "aria-rowcount"]) part.removeAttribute(name);
    }
  }
  /** A visit that is drawn anew is another element; who is on it by keyboard stays on it. */
  let focused = "";
  function keepFocus() {
    const again = focused && document.activeElement === document.body && document.getElementById(focused);
    if (again) again.focus({ preventScroll: true });
  }
  grid.addEventListener("focusin", (event) => { focused = event.target.id; });
  document.addEventListener("focusin", (event) => { if (!grid.contains(event.target)) focused = ""; });
  document.addEventListener("pointerdown", () => { focused = ""; });
  let drawn = "";
  function draw() {
    const frame = JSON.stringify([board.from, board.to, board.chairs, board.offset]);
    const isList = NARROW.matches || listChosen();
    grid.hidden = isList; list.hidden = !isList;
    document.getElementById("as-grid").setAttribute("aria-pressed", String(!isList));
    document.getElementById("as-list").setAttribute("aria-pressed", String(isList));
    if (isList) drawList();
    else if (!calendar || frame !== drawn) { if (calendar) EventCalendar.destroy(calendar); drawGrid(); drawn = frame; scrollToNow(); }
    else calendar.setOption("events", events());
    document.getElementById("nothing").hidden = isList || board.visits.some((visit) => visit.status !== "cancelled");
    const away = document.getElementById("away");
    const notes = [...board.away.map((gone) => make("span", "", `${say(gettext("%(name)s is away"), gone)}${gone.from || gone.to ? ` ${gone.from || gettext("from the start")}–${gone.to || gettext("the end")}` : ""}`)), ...board.blocks.filter((block) => block.chair === null).map((block) => blockLink(block, `${block.person}: ${block.label} ${clock(block.start)}–${clock(block.end)}`))];
    away.replaceChildren(...notes.flatMap((note, number) => number ? [" · ", note] : [note])); away.hidden = !notes.length;
  }
  function blockLink(block, text) {
    const link = make("a", "muted", text);
    link.href = blockUrl(block.id); link.dataset.panel = "";
    return link;
  }
  /** The present moment on the salon's clock, whatever the browser's; the calendar's own line takes UTC for local time. */
  function now() {
    const sign = board.offset[0] === "-" ? -1 : 1, [hours, minutes] = board.offset.slice(1).split(":").map(Number);
    return new Date(Date.now() + sign * (hours * 60 + minutes) * 60000).toISOString().slice(0, 19);
  }
  function nowLine() {
    const at = now();
    if (at.slice(0, 10) !== board.date) return [];
    return [{ resourceIds: board.chairs.map((chair) => chair.id), start: at, end: `${at.slice(0, 16)}:59`, display: "background", classNames: ["now"] }];
  }
  function scrollToNow() {
    const at = now();
    if (at.slice(0, 10) !== board.date) return;
    const slots = (Number(at.slice(11, 13)) * 60 + Number(at.slice(14, 16)) - Number(board.from.slice(0, 2)) * 60) / 15;
    requestAnimationFrame(() => {
      const main = grid.querySelector(".ec-main");
      if (main) main.scrollTop = Math.max(0, slots * slotHeight - main.clientHeight / 3);
    });
  }
  setInterval(() => { if (calendar && !grid.hidden && !document.querySelector(".ec-dragging, .ec-resizing-y, .ec-selecting")) calendar.setOption("events", events()); }, 60000);

  // --- The list -----------------------------------------------------------------------------------
  const listChosen = () => localStorage.getItem("desk:list") === "yes";
  function drawList() {
    const focused = document.activeElement && document.activeElement.id;
    list.replaceChildren(...board.chairs.map((chair) => {
      const section = make("section"), visits = board.visits.filter((visit) => visit.chair === chair.id);
      section.append(make("h2", "", chair.title));
      for (const visit of visits) {
        const row = make("a", `visit ${visit.status}`), name = make("b", "", visit.customer), end = make("span", "end"), mark = pip(visit);
        row.href = visitUrl(visit.id); row.dataset.panel = ""; row.id = `row-${visit.id}`; name.dir = "auto";
        if (mark) end.append(mark);
        if (visit.status !== "booked") end.append(make("span", `status ${visit.status}`, STATUS[visit.status]));
        row.append(make("time", "", clock(visit.start)), name, end, make("span", "sub", [visit.ends ? say(gettext("until %(time)s"), { time: clock(visit.end) }) : "", visit.what, visit.person].filter(Boolean).join(" · ")));
        section.append(row);
      }
      for (const block of board.blocks.filter((block) => block.chair === chair.id)) { const row = make("p"); row.append(blockLink(block, `${clock(block.start)}–${clock(block.end)} ${block.label}`)); section.append(row); }
      if (!visits.length) section.append(make("p", "muted", gettext("Nothing booked.")));
      return section;
    }));
    if (focused && focused.startsWith("row-") && document.getElementById(focused)) document.getElementById(focused).focus();
  }
  for (const [id, value] of [["as-grid", "no"], ["as-list", "yes"]]) document.getElementById(id).addEventListener("click", () => { localStorage.setItem("desk:list", value); draw(); });
  NARROW.addEventListener("change", draw);

  // --- Moving: asked once, shown at once, sent when it can no longer be undone -------------------------
  function body(visit, to, extra) {
    const fields = { version: visit.version, column_id: to.chair, date: to.start.slice(0, 10), time: clock(to.start), minutes: minutesBetween(to.start, to.end), ...extra };
    if (!visit.ends && !to.isResized) fields.keep_end = "yes";
    return new URLSearchParams(fields);
  }
  function post(visit, to, extra = {}) {
    return fetch(`${visitUrl(visit.id)}move/`, { method: "POST", body: body(visit, to, extra), keepalive: true, headers: { "X-CSRFToken": csrf(), Accept: "application/json" } });
  }
  async function move(info, newResource) {
    const { visit } = info.event.extendedProps;
    const start = later(visit.start, info.delta || info.startDelta), end = later(visit.end, info.delta || info.endDelta);
    const to = { chair: newResource ? newResource.id : visit.chair, start, end, isResized: !info.delta };
    moving.set(visit.id, to);
    const leave = () => { moving.delete(visit.id); draw(); };
    try {
      const trial = await post(visit, to, { try: "yes" });
      const answer = await trial.json().catch(() => ({}));
      if (trial.status === 401) { location.reload(); return; }
      if (!trial.ok) { leave(); toast(refusal(answer), { tone: "bad", seconds: 9 }); refresh(); return; }
      const sent = answer.texts.filter((text) => text.sent && text.now);
      if (sent.length && !(await confirmed(answer.customer, sent))) { leave(); return; }
      draw();
      const what = say(sent.length ? gettext("%(name)s is moved to %(from)s; the text goes out in") : gettext("%(name)s: %(from)s–%(to)s; saved in"), { name: answer.customer, from: clock(to.start), to: clock(to.end) });
      sendLater(visit, to, what, leave);
    } catch { leave(); toast(gettext("No connection. Nothing was moved."), { tone: "bad" }); }
  }
  function refusal(answer) {
    const free = (answer.slots || []).map((slot) => slot.person ? say(gettext("%(label)s with %(person)s"), slot) : slot.label).join("; ");
    return (answer.message || gettext("That did not work.")) + (free ? ` ${say(gettext("Free: %(slots)s."), { slots: free })}` : "");
  }
  function confirmed(customer, texts) {
    const box = document.getElementById("ask");
    document.getElementById("ask-title").textContent = say(gettext("Move and text %(name)s?"), { name: customer });
    document.getElementById("ask-texts").replaceChildren(...texts.map((text) => make("blockquote", "", text.body)), make("p", "muted small", `${say(ngettext("%(number)s segment.", "%(number)s segments.", texts[0].segments), { number: texts[0].segments })} ${say(gettext("You can undo it for %(seconds)s seconds; until then nothing is sent. Leaving the page sends it at once."), { seconds: UNDO_SECONDS })}`));
    box.returnValue = "no";
    box.showModal();
    return new Promise((resolve) => box.addEventListener("close", () => resolve(box.returnValue === "yes"), { once: true }));
  }
  const unsent = new Set();
  function sendLater(visit, to, message, leave) {
    const send = async () => {
      unsent.delete(send);
      try {
        const answer = await post(visit, to);
        if (!answer.ok) toast(refusal(await answer.json().catch(() => ({}))), { tone: "bad", seconds: 9 });
        else { await refresh(); }
      } catch { toast(gettext("No connection. The visit may not have been moved."), { tone: "bad", seconds: 9 }); }
      moving.delete(visit.id);
      await refresh();
      draw();
    };
    unsent.add(send);
    toast(message, { seconds: UNDO_SECONDS, onEnd: () => { if (unsent.has(send)) send(); }, action: { label: gettext("Undo"), run: () => { unsent.delete(send); leave(); } } });
  }
  addEventListener("pagehide", () => { for (const send of unsent) send(); });

  // --- Keeping up to date -------------------------------------------------------------------------------
  async function refresh() {
    try {
      const answer = await fetch(grid.dataset.src, { headers: { Accept: "application/json", ...(etag ? { "If-None-Match": etag } : {}) } });
      lost.hidden = true;
      if (answer.status === 401) location.reload();
      if (answer.status !== 200) return;
      etag = answer.headers.get("ETag");
      const isDragging = document.querySelector(".ec-dragging, .ec-resizing-y, .ec-selecting");
      if (isDragging) { etag = ""; return; }
      board = await answer.json();
      draw();
    } catch { lost.hidden = false; }
  }
  setInterval(() => { if (!document.hidden) refresh(); }, POLL_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  window.desk.refresh = refresh;
  draw();
});
