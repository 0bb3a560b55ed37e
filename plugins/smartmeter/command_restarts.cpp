// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands after which the device goes away and, as a rule, comes back; and lines as typed.
#include "command_flows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLeavePatience = 10 * kSecond, kReturnPatience = 90 * kSecond;

struct Restart {
  std::string_view word;
  bool resets = false, forgets_name = false;
};

std::string differences(const JsonObject& info, const Restart& what) {
  std::string wrong;
  const auto expect = [&](std::string_view key, std::string_view wanted) {
    if (!info.has(key) || info.text(key) == wanted) return;
    wrong += fmt::format("{}{} is '{}', not '{}'", wrong.empty() ? "" : ", ", key, info.text(key), wanted);
  };
  if (!what.resets) return wrong;
  expect("mqtt_server", "-");
  expect("stream_server", "-");
  expect("dailyReset", "None");
  return wrong;
}

void returned(Job& job, const Answer& answer, const Restart& what, bool went) {
  const std::string result =
      before_and_after(job.before, answer.json != nullptr ? json_of(answer.json->find("name")) : "null");
  if (answer.kind == Answer::Kind::greeted || answer.kind == Answer::Kind::reply) {
    const std::string wrong = differences(*answer.json, what);
    if (!wrong.empty()) {
      job.finish(MESURA_REPLY_MISMATCH, fmt::format("expected the defaults after {}: {}", what.word, wrong), result);
    } else {
      job.finish(went ? MESURA_REPLY_DONE : MESURA_REPLY_UNVERIFIED,
                 went ? "" : "the device answers; whether it restarted can't be seen here", result);
    }
    return;
  }
  std::string why = "it did not come back within 90 s";
  if (what.forgets_name)
    why += "; hint: it opens its own network smartmeterX (or powermeterX), address 192.168.4.1";
  else if (what.resets && job.settings().channel == Channel::server)
    why += "; hint: its stream server is off now, so that it no longer dials in; reach it by its address";
  job.finish(what.resets ? MESURA_REPLY_UNVERIFIED : MESURA_REPLY_TIMEOUT, why, result);
}

/// USB stays open while the device restarts: it is asked until it answers after a silence.
void ask_until_back(Job& job, const Restart& what, bool was_silent, int left) {
  job.ask(
      "info", plain_request("info"),
      [what, was_silent, left](Job& j, const Answer& answer) {
        if (answer.kind == Answer::Kind::silent && left > 0) {
          j.progress(1, 2, "waiting for the device");
          ask_until_back(j, what, true, left - 1);
        } else if (answer.kind == Answer::Kind::reply && !was_silent && left > 0) {
          // Perhaps it has not begun yet.
          j.wait(
              [what, left](Job& again, const Answer&) { ask_until_back(again, what, false, left > 3 ? 3 : left - 1); },
              kSecond / 2);
        } else {
          returned(j, answer, what, was_silent);
        }
      },
      kSecond);
}

/// There is no answer by design: the connection drops, the device comes back and greets.
void restart_and_wait(Job& job, Restart what) {
  job.before = json_string(job.port().unit_name());
  job.tell(
      what.word, plain_request(what.word),
      [what](Job& j, const Answer& answer) {
        if (answer.kind == Answer::Kind::unsent) {
          j.is_reply(answer);
          return;
        }
        if (answer.kind == Answer::Kind::reply) {  // it has none to give but a refusal
          if (!j.is_reply(answer)) return;
          if (const std::string why = refusal_of(*answer.json); !why.empty()) {
            j.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses {}: {}", what.word, why));
            return;
          }
        }
        if (j.settings().channel == Channel::mqtt) {
          j.finish(MESURA_REPLY_UNVERIFIED, "sent; whether the device restarts can't be seen over MQTT",
                   before_and_after(j.before, "null"));
          return;
        }
        const bool serial = j.settings().channel == Channel::serial;
        if (answer.kind == Answer::Kind::silent && serial) {
          ask_until_back(j, what, false, 60);
          return;
        }
        if (answer.kind == Answer::Kind::silent) {
          j.finish(MESURA_REPLY_TIMEOUT,
                   fmt::format("expected the connection to end within {} s of {}, but it stays",
                               kLeavePatience / kSecond, what.word),
                   before_and_after(j.before, "null"));
          return;
        }
        j.progress(1, 2, "the device restarts");
        j.wait_for_return([what](Job& k, const Answer& back) { returned(k, back, what, true); }, kReturnPatience,
                          answer.kind == Answer::Kind::gone);
      },
      job.settings().channel == Channel::serial || job.settings().channel == Channel::mqtt ? kSecond : kLeavePatience);
}

/// The lines that came for what was typed; logs of liveness and rate are not among them.
void collect(Job& job, std::string lines, std::int64_t until_ns) {
  constexpr std::int64_t kFurther = kSecond / 2;
  job.wait(
      [lines = std::move(lines), until_ns](Job& j, const Answer& answer) mutable {
        if (answer.kind == Answer::Kind::reply || answer.kind == Answer::Kind::text) {
          const bool noise = answer.text.starts_with("[I]");
          if (!noise) lines.append(answer.text).append("\n");
          collect(j, std::move(lines), noise ? until_ns : std::min(until_ns, j.now_ns() + kFurther));
          return;
        }
        if (answer.kind == Answer::Kind::gone) {
          j.finish(MESURA_REPLY_UNREACHABLE, "the connection ended", {}, lines);
          return;
        }
        std::string list;
        for (std::string_view rest = lines; !rest.empty();) {
          const std::size_t end = rest.find('\n');
          list += (list.empty() ? "" : ",") + json_string(rest.substr(0, end));
          rest.remove_prefix(end + 1);
        }
        j.finish(lines.empty() ? MESURA_REPLY_TIMEOUT : MESURA_REPLY_DONE,
                 lines.empty() ? "no line came back, as with what the device never answers" : "",
                 fmt::format(R"({{"before":null,"after":null,"lines":[{}]}})", list), lines);
      },
      std::max<std::int64_t>(until_ns - job.now_ns(), 0));
  job.listen(false);
}

}  // namespace

void restart(Job& job) { restart_and_wait(job, {"restart"}); }
void basic_reset(Job& job) { restart_and_wait(job, {"basicReset", true}); }
void factory_reset(Job& job) { restart_and_wait(job, {"factoryReset", true, true}); }

void raw(Job& job) {
  const std::string line = job.args().text("line");
  if (std::any_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    job.finish(MESURA_REPLY_INVALID, "expected one line without control characters; its end is added here");
    return;
  }
  job.tell_only(line, [](Job& j) { collect(j, {}, j.now_ns() + 3 * kSecond); });
}

}  // namespace mesura::smartmeter
