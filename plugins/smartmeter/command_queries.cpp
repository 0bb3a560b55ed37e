// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that ask.
#include "answers.hpp"
#include "command_flows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <span>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr double kMilli = 1e-3;
constexpr std::string_view kInfo = R"({"cmd":"info"})";

/// A list of a momentary answer.
struct Field {
  std::string_view key, quantity, unit;
  double factor;
  Scale scale;
};

void add_lines(JsonWriter& out, const Lines& lines, const Field& field) {
  for (std::size_t i = 0; i < lines.count; ++i)
    out.measured(fmt::format("l{}_{}", i + 1, field.quantity), lines.values[i] * field.factor, field.unit);
  const bool adds_up = field.scale == Scale::power;
  if (adds_up && lines.count > 1)
    out.measured(fmt::format("total_{}", field.quantity), lines.sum() * field.factor, field.unit);
}

Lines scaled(const Job& job, const JsonMember* member, Scale scale) {
  Lines lines = lines_of(member);
  for (std::size_t i = 0; i < lines.count; ++i) lines.values[i] *= job.settings().calibration.factor(scale, i + 1);
  return lines;
}

std::string refused_text(const Job& job, const JsonObject& reply) {
  const std::string msg = told(reply.text("msg"));
  return fmt::format("the device refuses {}{}{}", job.name(), msg.empty() ? "" : ": ", msg);
}

/// Ends the command unless the answer is good.
bool is_good(Job& job, const Answer& answer) {
  if (!job.is_reply(answer)) return false;
  if (!answer.json->boolean("error").value_or(false)) return true;
  job.finish(MESURA_REPLY_REFUSED, refused_text(job, *answer.json));
  return false;
}

void query(Job& job, std::string_view word, std::span<const Field> fields) {
  job.ask(word, plain_request(word), [word, fields](Job& j, const Answer& answer) {
    if (!is_good(j, answer)) return;
    JsonWriter out;
    std::size_t found = 0;
    for (const Field& field : fields) {
      const Lines lines = scaled(j, answer.json->find(field.key), field.scale);
      found += lines.count;
      add_lines(out, lines, field);
    }
    if (found == 0) {
      j.finish(MESURA_REPLY_REFUSED,
               fmt::format("expected '{}' in the answer to {}, which it lacks", fields[0].key, word));
      return;
    }
    if (const auto start = answer.json->number("startTs")) out.integer("start_ts", std::llround(*start));
    if (const auto days = answer.json->number("days")) out.integer("days", std::llround(*days));
    j.finish(MESURA_REPLY_DONE, {}, out.take());
  });
}

/// The last Sunday of that month at 01:00 UTC, when summer time begins or ends there.
std::int64_t last_sunday(int year, unsigned month) {
  using namespace std::chrono;
  const sys_days day{std::chrono::year{year} / std::chrono::month{month} / Sunday[last]};
  return duration_cast<nanoseconds>(day.time_since_epoch() + 1h).count();
}

/// "03/02/2021 16:03:58.120", central European time -> UTC.
std::optional<std::int64_t> utc_of(std::string_view long_form) {
  if (long_form.size() < 19 || long_form[2] != '/' || long_form[5] != '/' || long_form[10] != ' ') return std::nullopt;
  const auto local = parse_instant(fmt::format("{}-{}-{}T{}Z", long_form.substr(6, 4), long_form.substr(0, 2),
                                               long_form.substr(3, 2), long_form.substr(11)));
  const auto year = parse_number(long_form.substr(6, 4));
  if (!local || !year) return std::nullopt;
  const std::int64_t winter = *local - 3600 * kSecond;
  const std::int64_t summer = winter - 3600 * kSecond;
  const int y = static_cast<int>(*year);
  return summer >= last_sunday(y, 3) && summer < last_sunday(y, 10) ? summer : winter;
}

std::string utc_text(std::int64_t ns) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds{ns / 1'000'000}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

/// What stands between the marks of a dump of the log, one row a line.
std::string log_rows(std::string_view text) {
  constexpr std::string_view kMark = "*** LOGFile *** ";
  if (const std::size_t at = text.find(kMark); at != std::string_view::npos) text.remove_prefix(at + kMark.size());
  if (const std::size_t at = text.rfind(kMark); at != std::string_view::npos) text = text.substr(0, at);
  std::string rows;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("//n"), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 3, text.size()));
    while (!row.empty() && (row.back() == '\r' || row.back() == '\n')) row.remove_suffix(1);
    if (row.starts_with("Info:")) row.remove_prefix(5);
    if (!row.empty()) rows.append(row).append("\n");
  }
  return rows;
}

void tell_log(Job& job, const std::string& rows) {
  std::string json = "[";
  std::string_view rest = rows;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (json.size() > 1) json += ',';
    json += json_string(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  job.finish(MESURA_REPLY_DONE, {}, fmt::format(R"({{"lines":{}]}})", json), rows);
}

/// The dump comes first, and its quotes are not escaped: it may be no JSON.
void on_log(Job& job, const Answer& answer, const std::string& rows, bool dumped) {
  const bool dump =
      answer.kind == Answer::Kind::text || (answer.kind == Answer::Kind::reply && answer.json->text("cmd") == "log");
  if (dump) {
    std::string found = log_rows(answer.kind == Answer::Kind::text ? answer.text : answer.json->text("msg"));
    job.await([found = std::move(found)](Job& j, const Answer& next) { on_log(j, next, found, true); });
    return;
  }
  if (dumped && answer.kind == Answer::Kind::silent) {  // the rows are here all the same
    tell_log(job, rows);
    return;
  }
  if (is_good(job, answer)) tell_log(job, rows);
}

}  // namespace

std::string plain_request(std::string_view word) { return fmt::format(R"({{"cmd":"{}"}})", word); }

std::string told(std::string_view msg) {
  std::string out;
  for (std::size_t at = 0; at < msg.size();) {
    if (msg.substr(at, 3) == "//n") {
      out += "; ";
      at += 3;
    } else {
      out += msg[at++];
    }
  }
  return out;
}

std::vector<std::string> list_of_texts(std::string_view text) {
  std::vector<std::string> out;
  if (text.starts_with('[')) text.remove_prefix(1);
  if (text.ends_with(']')) text.remove_suffix(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(", "), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

std::string json_of(const JsonMember* member) {
  if (member == nullptr) return "null";
  switch (member->type) {
    case JsonMember::Type::text: return json_string(member->text);
    case JsonMember::Type::number: return number_text(member->number);
    case JsonMember::Type::boolean: return member->number != 0 ? "true" : "false";
    case JsonMember::Type::list:
    case JsonMember::Type::object: return std::string{member->text};
    default: return "null";
  }
}

void query_info(Job& job) {
  job.ask("info", std::string{kInfo}, [](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    JsonWriter out;
    for (const JsonMember& member : answer.json->members()) {
      if (member.key == "cmd" || member.key == "error") continue;
      if (member.key == "energy") {  // a text that holds a list
        const Lines energy = scaled(j, &member, Scale::power);
        for (std::size_t i = 0; i < energy.count; ++i)
          out.measured(fmt::format("l{}_active_energy_import", i + 1), energy.values[i], "Wh");
      } else if (member.key == "ssids") {
        std::string list;
        for (const std::string& ssid : list_of_texts(member.text))
          list += (list.empty() ? "" : ",") + json_string(ssid);
        out.raw("ssids", "[" + list + "]");
      } else if (member.key == "rssi") {
        out.measured("rssi", member.number, "dBm");
      } else if (member.key == "pwd" || member.key == "password") {
        out.text(member.key, "***");
      } else {
        out.raw(member.key, json_of(&member));
      }
    }
    j.finish(MESURA_REPLY_DONE, {}, out.take());
  });
}

void query_power(Job& job) {
  static constexpr std::string_view kWord = "getPower";
  job.ask(kWord, plain_request(kWord), [](Job& j, const Answer& answer) {
    if (!is_good(j, answer)) return;
    const Lines active = scaled(j, answer.json->find("activePower"), Scale::power);
    const Lines reactive = scaled(j, answer.json->find("reactivePower"), Scale::power);
    Lines apparent = scaled(j, answer.json->find("apparentPower"), Scale::power);
    if (active.count == 0) {
      j.finish(MESURA_REPLY_REFUSED, "expected 'activePower' in the answer to getPower, which it lacks");
      return;
    }
    repair_apparent(active, reactive, apparent);
    check_power(*j.port().emitter(), active, reactive, j.now_ns());
    JsonWriter out;
    add_lines(out, active, {"", "active_power", "W", 1, Scale::power});
    add_lines(out, reactive, {"", "reactive_power", "var", 1, Scale::power});
    add_lines(out, apparent, {"", "apparent_power", "VA", 1, Scale::none});
    j.finish(MESURA_REPLY_DONE, {}, out.take());
  });
}

void query_voltage(Job& job) {
  static constexpr Field kFields[] = {{"voltage", "voltage", "V", 1, Scale::voltage}};
  query(job, "getVoltage", kFields);
}

void query_current(Job& job) {
  static constexpr Field kFields[] = {{"current", "current", "A", kMilli, Scale::current}};
  query(job, "getCurrent", kFields);
}

void query_energy(Job& job) {
  static constexpr Field kFields[] = {{"energy", "active_energy_import", "Wh", 1, Scale::power}};
  query(job, "getEnergy", kFields);
}

void query_frequency(Job& job) {
  static constexpr Field kFields[] = {{"period", "frequency", "Hz", 1, Scale::none}};
  query(job, "getPeriod", kFields);
}

void query_phase(Job& job) {
  static constexpr Field kFields[] = {{"phase", "phase_angle", "deg", 1, Scale::none}};
  query(job, "getPhaseAngle", kFields);
}

void query_log(Job& job) {
  job.ask("getLog", plain_request("getLog"), [](Job& j, const Answer& answer) { on_log(j, answer, {}, false); });
}

/// The clock as `info` shows it: to ask `ntp` would set it.
void query_time(Job& job) {
  job.ask("info", std::string{kInfo}, [](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    const std::string_view time = answer.json->text("sys_time");
    const auto utc = utc_of(time);
    if (!utc) {
      j.finish(MESURA_REPLY_REFUSED,
               fmt::format("expected sys_time as MM/DD/YYYY HH:MM:SS.mmm, got '{}'", time.substr(0, 40)));
      return;
    }
    // It was read somewhere between the question and its answer.
    const double trip = static_cast<double>(j.now_ns() - j.sent_ns()) / 1e9;
    const double offset = static_cast<double>(*utc - j.now_ns()) / 1e9 + trip / 2;
    JsonWriter out;
    out.text("sys_time", time).text("time", utc_text(*utc)).measured("clock_offset", offset, "s");
    j.finish(MESURA_REPLY_DONE, {}, out.measured("round_trip", trip, "s").take());
  });
}

std::optional<std::int64_t> parse_register(std::string_view text, std::int64_t most) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > most) return std::nullopt;
  return value;
}

std::optional<std::string> register_request(Job& job) {
  const std::string text = job.args().text("address");
  const auto address = parse_register(text, 0xFFFF);
  if (!address) {
    job.finish(MESURA_REPLY_INVALID, fmt::format("expected an address from 0x0000 to 0xffff, got '{}'", text));
    return std::nullopt;
  }
  return fmt::format(R"({{"cmd":"ade9k","address":"0x{:04x}","size":{})", *address,
                     job.args().text("size") == "32" ? 32 : 16);
}

void query_register(Job& job) {
  const auto request = register_request(job);
  if (!request) return;
  job.ask("ade9k", *request + "}", [](Job& j, const Answer& answer) {
    if (!is_good(j, answer)) return;
    const auto value = answer.json->number("regValue");
    if (!value) {
      j.finish(MESURA_REPLY_REFUSED, "expected 'regValue' in the answer to ade9k, which it lacks");
      return;
    }
    const auto number = static_cast<std::int64_t>(*value);
    j.finish(MESURA_REPLY_DONE, {},
             JsonWriter{}
                 .text("address", j.args().text("address"))
                 .integer("value", number)
                 .text("hex", fmt::format("0x{:04x}", static_cast<std::uint32_t>(number)))
                 .take());
  });
}

void ping(Job& job) {
  if (job.settings().channel == Channel::mqtt) {
    job.finish(MESURA_REPLY_INVALID, "'?' is not answered over MQTT; hint: ask with 'info' or 'energy'");
    return;
  }
  job.ask("?", "?", [](Job& j, const Answer& answer) {
    if (answer.kind != Answer::Kind::text) {
      j.is_reply(answer);
      return;
    }
    const double trip = static_cast<double>(j.now_ns() - j.sent_ns()) / 1e9;
    j.finish(MESURA_REPLY_DONE, {}, JsonWriter{}.text("answer", answer.text).measured("round_trip", trip, "s").take());
  });
}

}  // namespace mesura::smartmeter
