// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that change names, servers, networks, the log and the clock.
#include "command_flows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kInfoPatience = 3'000'000'000, kMqttPatience = 2'000'000'000;
constexpr std::size_t kMostNetworks = 5;

/// Over MQTT present firmware tells `info` to somebody else.
std::int64_t info_patience(const Job& job) {
  return job.settings().channel == Channel::mqtt ? kMqttPatience : kInfoPatience;
}

void compare(Job& job, const Setting& setting, const std::string& after) {
  const std::string result = before_and_after(job.before, after);
  const bool same = setting.same ? setting.same(setting.wanted, after) : setting.wanted == after;
  if (after == "null") {
    job.finish(MESURA_REPLY_UNVERIFIED, "the device took it; its info does not tell it back", result);
  } else if (!same) {
    job.finish(MESURA_REPLY_MISMATCH, fmt::format("expected {} to be read back, got {}", setting.wanted, after),
               result);
  } else if (!setting.unreadable.empty()) {
    job.finish(MESURA_REPLY_UNVERIFIED,
               fmt::format("the device took it, but {} can't be read back{}{}", setting.unreadable,
                           setting.note.empty() ? "" : "; ", setting.note),
               result);
  } else {
    job.finish(MESURA_REPLY_DONE, setting.note, result);
  }
}

void read_back(Job& job, Setting setting) {
  job.ask(
      "info", plain_request("info"),
      [setting = std::move(setting)](Job& j, const Answer& answer) {
        if (answer.kind == Answer::Kind::silent || answer.kind == Answer::Kind::unsent) {
          j.finish(MESURA_REPLY_UNVERIFIED, "the device took it, but does not tell it back",
                   before_and_after(j.before, "null"));
          return;
        }
        if (j.is_reply(answer)) compare(j, setting, setting.read(*answer.json));
      },
      info_patience(job));
}

void write(Job& job, Setting setting) {
  std::string word = setting.word, line = setting.line;
  job.tell(word, std::move(line), [setting = std::move(setting)](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    const std::string refusal = setting.refusal ? setting.refusal(*answer.json) : refusal_of(*answer.json);
    if (!refusal.empty()) {
      j.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses {}: {}", setting.word, refusal));
      return;
    }
    read_back(j, setting);
  });
}

std::string expect_bytes(std::string_view what, std::string_view value, std::size_t most) {
  if (value.size() <= most) return {};
  return fmt::format("expected {} of at most {} bytes, got {}", what, most, value.size());
}

std::string server_request(std::string_view word, std::string_view server) {
  return fmt::format(R"({{"cmd":"{}","payload":{{"server":{}}}}})", word, json_string(server));
}

void set_server(Job& job, std::string_view word, std::string_view key, std::size_t most, std::string line,
                std::string unreadable = {}, std::string note = {}) {
  std::string server = job.args().text("server");
  if (server == "off" || server == "none") server = "-";
  if (std::string objection = expect_bytes("a server's name or address", server, most); !objection.empty()) {
    job.finish(MESURA_REPLY_INVALID, objection);
    return;
  }
  Setting setting;
  setting.word = word;
  setting.line = line.empty() ? server_request(word, server) : std::move(line);
  setting.wanted = json_string(server);
  setting.read = [key = std::string{key}](const JsonObject& info) { return json_of(info.find(key)); };
  setting.always = !unreadable.empty();
  setting.unreadable = std::move(unreadable);
  setting.note = std::move(note);
  change_setting(job, std::move(setting));
}

/// The networks that `info` lists, as a JSON list.
std::string networks(const JsonObject& info) {
  if (!info.has("ssids")) return "null";
  std::string list;
  for (const std::string& ssid : list_of_texts(info.text("ssids")))
    list += (list.empty() ? "" : ",") + json_string(ssid);
  return "[" + list + "]";
}

bool lists(const std::string& networks, const std::string& ssid) {
  return networks.find(json_string(ssid)) != std::string::npos;
}

}  // namespace

std::string before_and_after(const std::string& before, const std::string& after) {
  return fmt::format(R"({{"before":{},"after":{}}})", before, after);
}

std::string refusal_of(const JsonObject& reply) {
  if (!reply.boolean("error").value_or(false)) return {};
  const std::string msg = told(reply.text("msg"));
  return msg.empty() ? "without a reason" : msg;
}

void change_setting(Job& job, Setting setting) {
  const std::int64_t patience = info_patience(job);
  job.ask(
      "info", plain_request("info"),
      [setting = std::move(setting)](Job& j, const Answer& answer) {
        // A device that does not answer this may still take the setting: then there is no value before.
        if (answer.kind == Answer::Kind::reply) {
          j.before = setting.read(*answer.json);
          const std::string objection = setting.objection ? setting.objection(*answer.json) : std::string{};
          if (!objection.empty()) {
            j.finish(MESURA_REPLY_INVALID, objection);
            return;
          }
          const bool same = setting.same ? setting.same(setting.wanted, j.before) : setting.wanted == j.before;
          if (same && !setting.always) {
            j.finish(MESURA_REPLY_DONE, "already in force", before_and_after(j.before, j.before));
            return;
          }
        } else if (answer.kind != Answer::Kind::silent) {
          j.is_reply(answer);
          return;
        }
        write(j, setting);
      },
      patience);
}

void set_log_level(Job& job) {
  const std::string level = job.args().text("level");
  if (job.settings().channel == Channel::mqtt) {
    job.finish(MESURA_REPLY_INVALID, "the log level belongs to a connection, and MQTT has none with the device");
    return;
  }
  if (level == "warning" || level == "error") {
    job.finish(MESURA_REPLY_INVALID,
               "expected all, debug or info: the level belongs to this very connection, and without the lines of "
               "level info the collector can't tell an idle device from a dead one");
    return;
  }
  job.tell("log", fmt::format(R"({{"cmd":"log","level":{}}})", json_string(level)),
           [level](Job& j, const Answer& answer) {
             if (!j.is_reply(answer)) return;
             const std::string msg = told(answer.json->text("msg"));
             if (answer.json->boolean("error").value_or(false)) {
               j.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses log: {}", msg));
             } else if (msg.ends_with(": " + level)) {
               j.finish(MESURA_REPLY_DONE, {}, before_and_after("null", json_string(level)));
             } else {
               j.finish(MESURA_REPLY_MISMATCH, fmt::format("expected 'Log Level set to: {}', got '{}'", level, msg),
                        before_and_after("null", json_string(msg)));
             }
           });
}

void clear_log(Job& job) {
  job.tell("clearLog", plain_request("clearLog"), [](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    if (answer.json->boolean("error").value_or(false)) {
      j.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses clearLog: {}", told(answer.json->text("msg"))));
      return;
    }
    // What it says now may have come since; more than a few rows were not.
    j.ask("getLog", plain_request("getLog"), [](Job& k, const Answer& dump) {
      const std::string result = R"({"before":null,"after":null})";
      if (dump.kind != Answer::Kind::reply || dump.json->text("cmd") != "log") {
        k.finish(MESURA_REPLY_UNVERIFIED, "the device took it, but does not tell its log back", result);
        return;
      }
      const std::string_view rows = dump.json->text("msg");
      std::size_t count = 0;
      for (std::size_t at = rows.find("Info:["); at != std::string_view::npos; at = rows.find("Info:[", at + 1))
        ++count;
      k.await([count](Job& l, const Answer&) {
        constexpr std::size_t kMostNew = 3;
        l.finish(count <= kMostNew ? MESURA_REPLY_DONE : MESURA_REPLY_MISMATCH,
                 count <= kMostNew ? "" : fmt::format("expected an empty log, got {} lines", count),
                 fmt::format(R"({{"before":null,"after":{{"lines":{}}}}})", count));
      });
    });
  });
}

void set_name(Job& job) {
  const std::string name = job.args().text("name");
  constexpr std::size_t kMost = 19;  // what it stores; it would accept more and cut it
  const bool fits = !name.empty() && name.size() <= kMost && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!fits) {
    job.finish(
        MESURA_REPLY_INVALID,
        fmt::format("expected a name of 1 to {} letters, digits, '-' and '_', which become part of host names and "
                    "topics; got '{}'",
                    kMost, name));
    return;
  }
  Setting setting;
  setting.word = "mdns";
  setting.line = fmt::format(R"({{"cmd":"mdns","payload":{{"name":{}}}}})", json_string(name));
  setting.wanted = json_string(name);
  setting.read = [](const JsonObject& info) { return json_of(info.find("name")); };
  setting.note =
      "its host name and topics change with it: configurations, fleets and topic filters that say the old "
      "name need the new one";
  // The answer comes under the old name, everything behind it under the new one.
  setting.refusal = [&job, name](const JsonObject& reply) {
    std::string refusal = refusal_of(reply);
    if (refusal.empty()) job.port().renamed(name);
    return refusal;
  };
  change_setting(job, std::move(setting));
}

void set_mqtt_server(Job& job) {
  const Arguments& args = job.args();
  const bool extra = args.has("user") || args.has("password") || args.has("port");
  if (extra && job.port().model() != Model::powermeter) {
    job.finish(MESURA_REPLY_INVALID,
               "expected a server alone: a SmartMeter uses port 1883 without user and password, only a PowerMeter "
               "keeps others");
    return;
  }
  std::string server = args.text("server");
  if (server == "off" || server == "none") server = "-";
  std::string line;
  if (extra) {
    line = fmt::format(R"({{"cmd":"mqttServer","payload":{{"server":{})", json_string(server));
    if (args.has("port")) line += fmt::format(R"(,"port":{})", args.integer("port"));
    if (args.has("user")) line += fmt::format(R"(,"user":{})", json_string(args.text("user")));
    if (args.has("password")) line += fmt::format(R"(,"pwd":{})", json_string(args.text("password")));
    line += "}}";
  }
  set_server(job, "mqttServer", "mqtt_server", 16, std::move(line), extra ? "user, password and port" : "",
             job.settings().channel == Channel::mqtt ? "it leaves the broker over which it was told" : "");
}

void set_stream_server(Job& job) {
  set_server(job, "streamServer", "stream_server", 16, {}, {},
             job.settings().channel == Channel::server ? "once this connection ends it dials there, no more here" : "");
}

void set_time_server(Job& job) { set_server(job, "timeServer", "time_server", 24, {}); }

void add_wifi(Job& job) {
  const std::string ssid = job.args().text("ssid"), password = job.args().text("password");
  constexpr std::size_t kMost = 19;
  std::string objection = expect_bytes("an SSID", ssid, kMost);
  if (objection.empty()) objection = expect_bytes("a password", password, kMost);
  if (objection.empty() &&
      (ssid.empty() || ssid.find(", ") != std::string::npos || ssid.find('"') != std::string::npos))
    objection = "expected an SSID without quotes and without a comma and a blank, which part the device's own list";
  if (!objection.empty()) {
    job.finish(MESURA_REPLY_INVALID, objection);
    return;
  }
  Setting setting;
  setting.word = "addWifi";
  setting.line =
      fmt::format(R"({{"cmd":"addWifi","payload":{{"ssid":{},"pwd":{}}}}})", json_string(ssid), json_string(password));
  setting.wanted = json_string(ssid);
  setting.read = networks;
  setting.same = [ssid](const std::string&, const std::string& got) { return lists(got, ssid); };
  setting.always = true;
  setting.objection = [ssid](const JsonObject& info) -> std::string {
    const auto known = list_of_texts(info.text("ssids"));
    if (std::find(known.begin(), known.end(), ssid) != known.end())
      return fmt::format(
          "expected a network that is not in the device's list, got '{}'; hint: to change its password "
          "delete it first",
          ssid);
    if (known.size() >= kMostNetworks)
      return fmt::format("expected fewer than {} networks in the device's list; hint: delete one first", kMostNetworks);
    return {};
  };
  // Its `error` is the wrong way round in present firmware, and its msg has the password.
  setting.refusal = [ssid](const JsonObject& reply) -> std::string {
    if (reply.has("ssid")) return {};
    const std::string_view msg = reply.text("msg");
    return msg.empty() || msg.find("PW:") != std::string_view::npos ? "without a reason" : told(msg);
  };
  change_setting(job, std::move(setting));
}

void delete_wifi(Job& job) {
  const std::string ssid = job.args().text("ssid");
  if (const std::string objection = expect_bytes("an SSID", ssid, 19); !objection.empty() || ssid.empty()) {
    job.finish(MESURA_REPLY_INVALID, ssid.empty() ? "expected an SSID" : objection);
    return;
  }
  Setting setting;
  setting.word = "delWifi";
  setting.line = fmt::format(R"({{"cmd":"delWifi","payload":{{"ssid":{}}}}})", json_string(ssid));
  setting.wanted = fmt::format("no {}", json_string(ssid));
  setting.read = networks;
  setting.same = [ssid](const std::string&, const std::string& got) { return got != "null" && !lists(got, ssid); };
  setting.objection = [ssid, connected = job.args().flag("connected")](const JsonObject& info) -> std::string {
    if (info.text("ssid") != ssid || connected) return {};
    return fmt::format(
        "the device is connected through '{}' and would not find its way back; hint: add and use another "
        "network first, or insist with connected=true",
        ssid);
  };
  change_setting(job, std::move(setting));
}

void sync_time(Job& job) {
  const std::string line = job.args().flag("bg") ? R"({"cmd":"ntp","payload":{"bg":true}})" : R"({"cmd":"ntp"})";
  job.tell("ntp", line, [](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    // Its `error` is the wrong way round in present firmware.
    const std::string_view msg = answer.json->text("msg");
    const std::string result = before_and_after("null", json_of(answer.json->find("current_time")));
    if (msg == "Time synced") {
      j.finish(MESURA_REPLY_DONE, {}, result);
    } else if (msg.starts_with("Error")) {
      j.finish(MESURA_REPLY_REFUSED, fmt::format("the device could not reach its time server: {}", told(msg)), result);
    } else {
      j.finish(MESURA_REPLY_UNVERIFIED, fmt::format("expected 'Time synced', got '{}'", told(msg)), result);
    }
  });
}

}  // namespace mesura::smartmeter
