// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/godenerg/viewer.hpp"

namespace mesura::http::compat::godenerg {

std::string_view viewer_page() {
  // Colours: battery above 75, 65, 55 %, house below 8, 25, 45 % of what the inverter can give.
  return R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Inverter</title>
<style>
body { background: #222; color: #eee; font: 16px sans-serif; display: flex; flex-wrap: wrap; gap: 1em; margin: 1em }
section { background: #333; border-radius: .5em; padding: 1em; min-width: 9em }
h2 { font-size: 1em; margin: 0 0 .5em }
b { display: block; font-size: 1.8em }
#state { flex-basis: 100% }
.g { color: #6c6 } .y { color: #cc6 } .o { color: #e93 } .r { color: #e55 } .w { color: #eee }
</style>
</head>
<body>
<section><h2>Panels</h2><b id="pv_watts">–</b><span id="pv_amps"></span></section>
<section><h2>Battery</h2><b id="batt_capacity">–</b><span id="batt_volt"></span> <span id="batt_amps"></span></section>
<section><h2>House</h2><b id="ac_watt">–</b><span id="load_percent"></span></section>
<section><h2>Mode</h2><b id="mode">–</b></section>
<p id="state"></p>
<script>
"use strict";
const put = (id, text, colour) => {
  const e = document.getElementById(id);
  e.textContent = text;
  e.className = colour || "";
};
const by = (value, limits) => "gyor"[limits.filter(l => value >= l).length];
async function ask() {
  try {
    const answer = await fetch("cmds?cmd=status&cmd=operation_mode&merge=1", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status + " " + answer.statusText);
    const s = await answer.json();
    if (s.pv_watts === undefined) {
      put("state", "The inverter does not answer.", "r");
      return;
    }
    const amps = s.batt_charge_amps - s.batt_discharge_amps;
    put("pv_watts", s.pv_watts + " W");
    put("pv_amps", s.pv_amps + " A");
    put("batt_capacity", s.batt_capacity + " %", "royg"[[55, 65, 75].filter(l => s.batt_capacity > l).length]);
    put("batt_volt", s.batt_volt + " V");
    put("batt_amps", (amps > 0 ? "+" : "") + amps + " A", amps < 0 ? "r" : amps > 0 ? "g" : "w");
    put("ac_watt", s.ac_watt + " W", by(s.load_percent, [8, 25, 45]));
    put("load_percent", s.load_percent + " %");
    put("mode", s.mode || "–");
    put("state", "");
  } catch (error) {
    put("state", "No answer: " + error.message, "r");
  }
}
async function run() {
  for (;;) {
    await ask();
    await new Promise(r => setTimeout(r, 1000));
  }
}
run();
</script>
</body>
</html>
)html";
}

}  // namespace mesura::http::compat::godenerg
