"use strict";
// Polls /_phones.json once a second and keeps one card a phone. Text only ever reaches the page as textContent.

const POLL_MS = 1000;
const BAD = new Set(["failed", "undelivered", "canceled"]);
const byId = (id) => document.getElementById(id);
const cards = new Map();
let version = null;
let asked = "";

function plural(count, noun) {
  return `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;
}

function clock(milliseconds) {
  const at = new Date(milliseconds);
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const today = at.toDateString() === new Date().toDateString();
  return today ? time : `${at.toLocaleDateString([], { day: "numeric", month: "short" })}, ${time}`;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function drawText(text, namesSender) {
  const item = element("li", "text", "");
  item.classList.toggle("mine", text.inbound);
  item.classList.toggle("bad", BAD.has(text.status));
  const status = text.error_code ? `${text.status} (${text.error_code})` : text.status;
  const facts = [clock(text.at_ms), status, plural(text.segments, "segment")];
  if (namesSender && !text.inbound) facts.unshift(text.business || "no sender yet");
  item.append(element("div", "bubble", text.body || "(redacted)"), element("div", "meta", facts.join(" · ")));
  return item;
}

function newCard(number) {
  const node = byId("phone-template").content.firstElementChild.cloneNode(true);
  const find = (selector) => node.querySelector(selector);
  const card = {
    node, drawn: "", select: find("select"), input: find("input"), button: find("button"),
    outcome: find(".outcome"), texts: find(".texts"), pill: find(".pill"), count: find(".count"), sender: find(".sender"),
  };
  find(".number").textContent = number;
  card.texts.setAttribute("aria-label", `Texts of ${number}, newest first`);
  card.input.setAttribute("aria-label", `Reply as ${number}`);
  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    reply(number, card);
  });
  return card;
}

function drawPhone(card, phone) {
  const drawn = JSON.stringify(phone);
  if (drawn === card.drawn) return;
  card.drawn = drawn;
  card.pill.hidden = phone.opted_out.length === 0;
  card.pill.title = `No texts from ${phone.opted_out.join(", ")}`;
  card.count.textContent = plural(phone.count, "text");
  const several = phone.businesses.length > 1;
  const partner = several ? `${phone.businesses.length} numbers` : phone.businesses[0] || "no sender yet";
  card.sender.textContent = `texts with ${partner}`;
  card.texts.replaceChildren(...phone.texts.map((text) => drawText(text, several)));
  const chosen = card.select.value;
  card.select.replaceChildren(...phone.businesses.map((business) => {
    const option = element("option", "", `to ${business}`);
    option.value = business;
    option.selected = business === chosen;
    return option;
  }));
  card.select.hidden = !several;
}

function drawPhones(phones) {
  const grid = byId("phones");
  const shown = new Set(phones.map((phone) => phone.number));
  for (const [number, card] of cards) {
    if (!shown.has(number)) {
      card.node.remove();
      cards.delete(number);
    }
  }
  // Cards keep their places while somebody types in one of them.
  const someoneIsTyping = grid.contains(document.activeElement);
  phones.forEach((phone, place) => {
    const isNew = !cards.has(phone.number);
    if (isNew) cards.set(phone.number, newCard(phone.number));
    const card = cards.get(phone.number);
    drawPhone(card, phone);
    const there = grid.children[place];
    if (there !== card.node && (isNew || !someoneIsTyping)) grid.insertBefore(card.node, there || null);
  });
}

function drawPage(state) {
  drawPhones(state.phones);
  const nothing = state.phones_total === 0;
  byId("summary").textContent = nothing
    ? "Nothing here leaves this machine."
    : `${plural(state.phones_total, "phone")}, ${plural(state.texts_total, "text")}. Nothing here leaves this machine.`;
  byId("empty").hidden = !nothing;
  byId("no-match").hidden = nothing || state.phones.length > 0;
  const more = byId("more");
  more.hidden = asked !== "" || state.phones_total <= state.phones.length;
  more.textContent = `The ${state.phones.length} phones that moved last. Find any other by its number.`;
}

function describe(result) {
  if (result.error) return [result.error, true];
  const { url, status, error, ok } = result.webhook;
  const said = status === null ? `${url}: ${error}` : `${url} answered ${status}`;
  return [ok ? `Delivered: ${said}` : `Webhook failed: ${said}`, !ok];
}

async function reply(number, card) {
  const body = card.input.value.trim();
  if (!body) return;
  card.button.disabled = true;
  let message, bad;
  try {
    const answer = await fetch(`/_phones/${encodeURIComponent(number)}/reply`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ body, to: card.select.value || null }),
    });
    [message, bad] = describe(await answer.json());
    if (answer.ok) card.input.value = "";
  } catch {
    [message, bad] = ["The local Twilio does not answer.", true];
  }
  card.button.disabled = false;
  card.outcome.hidden = false;
  card.outcome.textContent = message;
  card.outcome.classList.toggle("bad", bad);
  await refresh();
}

async function refresh() {
  const wanted = byId("search").value.trim();
  const query = new URLSearchParams({ q: wanted });
  if (version !== null && wanted === asked) query.set("since", version);
  try {
    const answer = await fetch(`/_phones.json?${query}`);
    const state = await answer.json();
    byId("offline").hidden = true;
    if (state.unchanged || wanted !== byId("search").value.trim()) return;
    version = state.version;
    asked = wanted;
    drawPage(state);
  } catch {
    byId("offline").hidden = false;
    version = null;
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, POLL_MS);
}

byId("example").textContent = [
  `curl -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" \\`,
  `  ${location.origin}/2010-04-01/Accounts/$TWILIO_ACCOUNT_SID/Messages.json \\`,
  `  --data-urlencode From="$TWILIO_PHONE_NUMBER" -d To=%2B447400123456 -d Body=Hello`,
].join("\n");
byId("search").addEventListener("input", refresh);
poll();
