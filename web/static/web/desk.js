/* What every staff page does: panels, toasts, keys, the booking form. */
"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const dialog = $("#dialog"), toasts = $("#toasts");
  const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

  // --- Toasts, above an open dialog too -----------------------------------------------------------
  const canPop = "popover" in HTMLElement.prototype;
  if (canPop) toasts.popover = "manual";
  function toast(message, { tone = "good", action = null, seconds = 6, onEnd = null } = {}) {
    const element = document.createElement("div");
    element.className = `toast ${tone}`;
    const words = document.createElement("span");
    words.textContent = message;
    element.append(words);
    let timer, ticker;
    const end = (isDone) => {
      clearTimeout(timer); clearInterval(ticker); element.remove();
      if (canPop && !toasts.children.length && toasts.matches(":popover-open")) toasts.hidePopover();
      if (isDone && onEnd) onEnd();
    };
    if (action) {
      const left = document.createElement("span"); left.className = "left"; left.setAttribute("aria-hidden", "true");
      const button = document.createElement("button"); button.type = "button"; button.textContent = action.label;
      button.addEventListener("click", () => { end(false); action.run(); });
      element.append(left, button);
      let rest = seconds; left.textContent = rest;
      ticker = setInterval(() => { left.textContent = --rest; }, 1000);
    }
    toasts.append(element);
    if (canPop) { if (toasts.matches(":popover-open")) toasts.hidePopover(); toasts.showPopover(); }
    timer = setTimeout(() => end(true), seconds * 1000);
    return { end };
  }

  // --- Panels -------------------------------------------------------------------------------------
  let opener = null;
  async function openPanel(url) {
    if (!dialog.open) opener = document.activeElement;
    await htmx.ajax("GET", url, { target: "#dialog", swap: "innerHTML" });
  }
  // Shown only now: htmx puts the focus back while it swaps, and listens to what is typed only when it has settled.
  document.body.addEventListener("htmx:afterSettle", (event) => {
    const isNew = event.detail.target === dialog, sheet = $(".sheet", dialog);
    if (!sheet || (!isNew && !event.detail.target.classList.contains("sheet"))) return;
    dialog.setAttribute("aria-label", sheet.dataset.title || gettext("Details"));
    if (!dialog.open) dialog.showModal();
    const refused = isNew ? null : $(".problem, .error[role=alert]", sheet);
    if (refused) { refused.tabIndex = -1; refused.scrollIntoView({ block: "center" }); }
    (refused || (isNew && $("[autofocus]", sheet)) || $(".sheet-body button, .sheet-body a, .sheet-body input", sheet) || dialog).focus();
  });
  dialog.addEventListener("close", () => { dialog.replaceChildren(); if (opener) (opener.isConnected ? opener : document.getElementById(opener.id) || document.body).focus(); opener = null; });

  // --- What was done ------------------------------------------------------------------------------
  const LATER = "desk:later";
  function changed(message, tone) {
    if (window.desk.refresh) { window.desk.refresh(); if (message) toast(message, { tone }); return; }
    if (dialog.open) { if (message) toast(message, { tone }); window.desk.isStale = true; return; }
    if (message) sessionStorage.setItem(LATER, message);
    location.reload();
  }
  document.body.addEventListener("desk:done", (event) => { if (dialog.open) dialog.close(); changed(event.detail.message); });
  document.body.addEventListener("desk:changed", (event) => changed(event.detail.message, event.detail.tone));
  dialog.addEventListener("close", () => { if (window.desk.isStale) location.reload(); });
  const later = sessionStorage.getItem(LATER);
  if (later) { sessionStorage.removeItem(LATER); toast(later); }
  document.body.addEventListener("htmx:sendError", () => toast(gettext("No connection. Nothing was saved; try again."), { tone: "bad" }));
  document.body.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status === 401) return;
    toast(status === 429 ? gettext("Too many requests. Nothing was saved; try again in a minute.") : status === 404 ? gettext("It is not there any more.") : status === 403 ? gettext("Your account may not do that, or this page is too old: load it again.") : gettext("That did not work. Nothing was saved; try again."), { tone: "bad" });
  });

  // --- Clicks -------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const link = at("a[data-panel]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) { event.preventDefault(); openPanel(link.href); return; }
    if (at("[data-close]")) dialog.close();
    const who = at("[data-who]");
    if (who) setWho(who.closest("form"), who.dataset.who);
    const add = at("[data-add]");
    if (add) {
      const form = add.closest("form"), typed = add.dataset.add, isNumber = /^[+\d][\d\s()-]*$/.test(typed);
      setWho(form, "new");
      const field = isNumber ? form.phone_number : form.full_name;
      field.value = typed;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      (isNumber ? form.full_name : form.phone_number).focus();
    }
    const customer = at("[data-customer]");
    if (customer) choose(customer);
    const slot = at("[data-slot]");
    if (slot) {
      const form = slot.closest("form");
      form.date.value = slot.dataset.date; form.time.value = slot.dataset.time;
      form.user.value = slot.dataset.user; form.column_id.value = slot.dataset.column;
      htmx.trigger(form, "foresee");
    }
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field.matches("[data-go]")) location.href = field.value;
    if (field.matches("[data-submit]") && (field.value !== "" || field.tagName === "SELECT")) field.form.submit();
    if (field.name === "services") {
      const chosen = [...field.form.querySelectorAll("[name=services]:checked")];
      if (chosen.length) field.form.minutes.value = chosen.reduce((sum, box) => sum + Number(box.dataset.minutes), 0);
    }
  });

  // --- The customer of a booking ------------------------------------------------------------------
  function setWho(form, who) {
    form.who.value = who;
    for (const button of form.querySelectorAll("[data-who]")) button.setAttribute("aria-pressed", String(button.dataset.who === who));
    for (const part of form.querySelectorAll("[data-if]")) part.hidden = part.dataset.if !== who;
    $(`[data-if=${who}] input:not([type=hidden])`, form).focus();
    htmx.trigger(form, "foresee");
  }
  function choose(option) {
    const form = option.closest("form");
    if (form.who.value !== "known") setWho(form, "known");
    form.customer.value = option.dataset.customer; form.search.value = option.dataset.name;
    closeList(form);
    form.search.focus();
    htmx.trigger(form, "foresee");
  }
  function closeList(form) {
    $("#found", form).replaceChildren();
    form.search.setAttribute("aria-expanded", "false"); form.search.removeAttribute("aria-activedescendant");
  }
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "found") return;
    const search = $("#f-search");
    search.setAttribute("aria-expanded", String(!!$("[role=option]", event.detail.target)));
  });
  document.addEventListener("input", (event) => { if (event.target.id === "f-search") event.target.form.customer.value = ""; });
  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "f-search") return;
    const options = [...document.querySelectorAll("#found [role=option]")];
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "Enter") { event.preventDefault(); const chosen = options[at] || (options.length === 1 && options[0]); if (chosen) choose(chosen); return; }
    if (event.key === "Escape" && options.length) { event.preventDefault(); event.stopPropagation(); closeList(event.target.form); return; }
    if (!options.length || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const next = (at + (event.key === "ArrowDown" ? 1 : -1) + options.length + (at < 0 && event.key === "ArrowUp" ? 1 : 0)) % options.length;
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === next)));
    event.target.setAttribute("aria-activedescendant", options[next].id);
    options[next].scrollIntoView({ block: "nearest" });
  });

  // --- Keys ---------------------------------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, select, textarea")) return;
    const click = (id) => { const element = document.getElementById(id); if (element) { event.preventDefault(); element.focus(); element.click(); } };
    if (event.key === "n") click("new");
    else if (event.key === "ArrowLeft") click("earlier");
    else if (event.key === "ArrowRight") click("later");
    else if (event.key === "t") click("today");
    else if (event.key === "?") { event.preventDefault(); $("#help").showModal(); }
    else if (event.key === "/") {
      event.preventDefault();
      const search = $("#search");
      if (search) search.focus(); else location.href = $(".tabs a[href$='/people/']").href;
    }
  });
  if (location.pathname.endsWith("/people/") && document.referrer && $("#search") && !location.search) $("#search").focus();

  window.desk = { toast, openPanel, csrf, refresh: null, isStale: false };
})();
