// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "virtual_house/parse.hpp"
#include "virtual_house/random.hpp"

namespace mesura::dsmr_p1::twin {
namespace {

using namespace virtual_house;

constexpr std::int64_t kHighestRegisterWh = 100'000'000'000;  // eight digits of kWh, the widest that any dialect prints
constexpr std::int64_t kHighestMilli = 100'000'000;           // five digits of m3
constexpr std::int64_t kHighestFlow = 1'000'000'000;

std::string_view view(mesura_str s) { return abi::view(s); }

std::int64_t whole_seconds(const SessionInfo& info, std::string_view name, std::int64_t fallback) {
  const auto nanoseconds = info.options.duration(name, std::chrono::seconds{fallback});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(nanoseconds);
  if (seconds != nanoseconds) refuse(name, "whole seconds", fmt::format("{} ns", nanoseconds.count()));
  return seconds.count();
}

double probability(const SessionInfo& info, std::string_view name) {
  const double p = info.options.number(name);
  if (!(p >= 0 && p <= 1)) refuse(name, "a probability from 0 to 1", fmt::format("{}", p));
  return p;
}

template <std::size_t N>
std::array<std::uint8_t, N> secret_bytes(std::string_view name, std::string_view text) {
  const auto bytes = parse_hex(text);
  // Never what was got: it may be the key with a typing error.
  if (!bytes || bytes->size() != N)
    throw std::invalid_argument(fmt::format("{}: expected {} hex digits, got {} characters", name, 2 * N, text.size()));
  std::array<std::uint8_t, N> out{};
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

std::optional<CipherSetup> read_cipher(const SessionInfo& info) {
  const std::string_view key = info.options.text("encryption_key");
  if (key.empty()) return std::nullopt;
  CipherSetup cipher;
  cipher.encryption_key = secret_bytes<16>("encryption_key", key);
  cipher.authentication_key = secret_bytes<16>(
      "authentication_key", info.options.text("authentication_key", "00112233445566778899AABBCCDDEEFF"));
  cipher.title = secret_bytes<8>("system_title", info.options.text("system_title", "53494D0000000001"));
  const std::int64_t counter = info.options.integer("frame_counter", 1);
  if (counter < 0 || counter > 0xFFFFFFFF) refuse("frame_counter", "0 to 4294967295", fmt::format("{}", counter));
  cipher.frame_counter = static_cast<std::uint32_t>(counter);
  return cipher;
}

// `import_t1=1000.000kWh`
void read_register(ModelSetup& model, std::string_view key, std::string_view text) {
  const auto value = parse_wh(text);
  if (!value || *value < 0 || *value >= kHighestRegisterWh)
    refuse(fmt::format("registers {}", key), "energy such as 1000.000kWh, below 100000000kWh", text);
  for (std::size_t t = 0; t < kTariffs; ++t) {
    if (key == fmt::format("import_t{}", t + 1)) {
      model.import_wh[t] = *value;
      return;
    }
    if (key == fmt::format("export_t{}", t + 1)) {
      model.export_wh[t] = *value;
      return;
    }
  }
  refuse("registers", "import_t1 to import_t4 or export_t1 to export_t4", key);
}

// `4216W@2024-02-05T16:45:00Z`
std::optional<Peak> parse_peak(std::string_view text) {
  const std::size_t at = text.find("W@");
  if (at == std::string_view::npos) return std::nullopt;
  const auto watts = parse_decimal(text.substr(0, at), 0);
  const auto end = parse_utc(text.substr(at + 2));
  if (!watts || !end || *watts < 0 || *watts > 99'999) return std::nullopt;
  return Peak{*end, *watts};
}

// `2023-10=3918W@2023-10-31T18:30:00Z`, or `2023-11=none` for a month without import
MonthPeak read_month_peak(const MeterClock& clock, std::string_view text) {
  constexpr std::string_view kExpected = "YYYY-MM=4216W@2024-02-05T16:45:00Z or YYYY-MM=none";
  const std::size_t equals = text.find('=');
  const auto first = parse_utc(fmt::format("{}-01T00:00:00Z", text.substr(0, equals)));
  if (equals == std::string_view::npos || !first) refuse("peak_history", kExpected, text);
  const LocalTime month = MeterClock{"Etc/UTC"}.local(*first);
  MonthPeak entry;
  entry.capture = clock.month_begin(month.year + month.month / 12, month.month % 12 + 1);
  const std::string_view value = text.substr(equals + 1);
  if (value == "none") return entry;
  const auto peak = parse_peak(value);
  if (!peak) refuse("peak_history", kExpected, text);
  entry.peak = *peak;
  return entry;
}

struct MbusName {
  std::string_view name;
  MbusType type;
  std::string_view serial;  // of the twin's own devices
  std::int64_t first_milli;
  std::int64_t milli_per_hour;
};
constexpr std::array<MbusName, 5> kMbusNames{{
    {"gas", MbusType::gas, "7FLO0000000001", 876'543, 260},
    {"water", MbusType::water, "8SET0000000001", 123'456, 14},
    {"heat", MbusType::heat, "HEA0000001", 42'170, 35},
    {"cooling", MbusType::cooling, "COL0000001", 3'210, 5},
    {"electricity", MbusType::electricity, "ELE0000001", 512'000, 150},
}};

MbusSlot default_slot(const MbusName& device, int channel, const Dialect& dialect) {
  MbusSlot slot;
  slot.channel = channel;
  slot.type = device.type;
  slot.serial = device.serial;
  slot.interval = dialect.mbus_interval;
  slot.first_milli = device.first_milli;
  slot.milli_per_hour = device.milli_per_hour;
  return slot;
}

// 1: "gas serial=GAS0000001 interval=5m lag=2s value=876.543 flow=0.260", 2: "water empty", 3: "gas stale"
MbusSlot read_slot(std::string_view key, std::string_view text, const Dialect& dialect) {
  const std::string where = fmt::format("mbus {}", key);
  if (key.size() != 1 || key[0] < '1' || key[0] > '4') refuse("mbus", "a channel from 1 to 4", key);
  const auto words = split(text, ' ');
  const auto device = std::find_if(kMbusNames.begin(), kMbusNames.end(),
                                   [&](const MbusName& d) { return !words.empty() && d.name == words.front(); });
  if (device == kMbusNames.end())
    refuse(where, "gas, water, heat, cooling or electricity first", words.empty() ? text : words.front());
  MbusSlot slot = default_slot(*device, key[0] - '0', dialect);
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1);
    if (word.empty()) continue;
    if (word == "empty") {
      slot.state = MbusSlot::State::empty;
      slot.serial.clear();
    } else if (word == "stale") {
      slot.state = MbusSlot::State::stale;
    } else if (name == "serial" && !value.empty() && value.size() <= 48) {
      slot.serial = value;
    } else if (const auto seconds = parse_seconds(value); name == "interval" && seconds && *seconds > 0) {
      slot.interval = *seconds;
    } else if (name == "lag" && seconds && *seconds >= 0) {
      slot.lag = *seconds;
    } else if (const auto milli = parse_decimal(value, 3);
               name == "value" && milli && *milli >= 0 && *milli < kHighestMilli) {
      slot.first_milli = *milli;
    } else if (name == "flow" && milli && *milli >= 0 && *milli < kHighestFlow) {
      slot.milli_per_hour = *milli;
    } else {
      refuse(where, "empty, stale, serial=TEXT, interval=5m, lag=2s, value=876.543 or flow=0.260 (per hour)", word);
    }
  }
  return slot;
}

std::vector<MbusSlot> read_mbus(const SessionInfo& info, const Dialect& dialect) {
  std::vector<MbusSlot> slots;
  if (info.options.has("mbus")) {
    for (const mesura_option_entry& entry : info.options.entries("mbus"))
      slots.push_back(read_slot(view(entry.key), view(entry.value), dialect));
    std::sort(slots.begin(), slots.end(), [](const MbusSlot& a, const MbusSlot& b) { return a.channel < b.channel; });
    return slots;
  }
  switch (dialect.id) {
    case DialectId::be:
      slots = {default_slot(kMbusNames[0], 1, dialect), default_slot(kMbusNames[1], 2, dialect)};
      break;
    case DialectId::nl2:
    case DialectId::nl4:
    case DialectId::nl5:
    case DialectId::lu: slots = {default_slot(kMbusNames[0], 1, dialect)}; break;
    default: break;  // those countries read gas elsewhere
  }
  return slots;
}

// "sag l1 at 60s", "swell l2 3s at 2m", "failure 15m at 1h", "clock -30s at 2h", "swap at 1d"
MeterEvent read_event(std::string_view text, int phases) {
  using Kind = MeterEvent::Kind;
  const auto bad = [&] {
    refuse("events",
           "'sag l1 [2s] at 60s', 'swell l1 [2s] at 60s', 'failure 5m at 1h', 'clock -30s at 1h' or 'swap at 1d'",
           text);
  };
  const auto words = split(text, ' ');
  if (words.size() < 3 || words.size() > 5 || words[words.size() - 2] != "at") bad();
  const auto at = parse_seconds(words.back());
  if (!at || *at < 0) bad();
  MeterEvent event;
  event.at = *at;
  const std::string_view kind = words.front();
  const std::size_t arguments = words.size() - 3;
  if (kind == "swap" && arguments == 0) {
    event.kind = Kind::swap;
  } else if ((kind == "failure" || kind == "clock") && arguments == 1) {
    event.kind = kind == "failure" ? Kind::failure : Kind::clock;
    event.seconds = parse_seconds(words[1]).value_or(0);
    if (event.seconds == 0 || (event.kind == Kind::failure && event.seconds < 0)) bad();
  } else if ((kind == "sag" || kind == "swell") && arguments >= 1) {
    event.kind = kind == "sag" ? Kind::sag : Kind::swell;
    const std::string_view phase = words[1];
    if (phase.size() != 2 || phase[0] != 'l' || phase[1] < '1' || phase[1] > '0' + phases)
      refuse("events", fmt::format("a phase from l1 to l{}", phases), phase);
    event.phase = phase[1] - '1';
    event.seconds = arguments == 2 ? parse_seconds(words[2]).value_or(0) : 2;
    if (event.seconds <= 0) bad();
  } else {
    bad();
  }
  return event;
}

CrcStyle read_crc(const SessionInfo& info, const Dialect& dialect) {
  if (!dialect.crc || info.options.flag("no_crc")) return CrcStyle::none;
  if (info.options.flag("lower_crc") && info.options.flag("unpadded_crc"))
    refuse("lower_crc", "one of lower_crc and unpadded_crc", "both");
  if (info.options.flag("lower_crc")) return CrcStyle::lower;
  return info.options.flag("unpadded_crc") ? CrcStyle::unpadded : CrcStyle::padded;
}

MeterIdentity read_identity(const SessionInfo& info, const Dialect& dialect) {
  MeterIdentity identity;
  identity.header = info.options.text("header", dialect.header);
  const bool printable =
      std::all_of(identity.header.begin(), identity.header.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (identity.header.size() < 5 || identity.header.front() != '/' || !printable ||
      identity.header.find('!') != std::string::npos)
    refuse("header", "a slash, three letters, a digit and printable text without '!'", identity.header);
  identity.version = info.options.text("version", dialect.version);
  identity.message = info.options.text("message");
  identity.message_code = info.options.text("message_code");
  if (info.options.has("current_decimals")) {
    const std::int64_t decimals = info.options.integer("current_decimals");
    if (decimals < 0 || decimals > 2) refuse("current_decimals", "0, 1 or 2", fmt::format("{}", decimals));
    identity.current_decimals = static_cast<int>(decimals);
  }
  // The first Belgian meters printed whole amperes.
  if (identity.current_decimals < 0 && identity.version == "50213") identity.current_decimals = 0;
  const std::string_view list = info.options.text("list", "standard");
  if (list == "extended") {
    identity.list = MeterIdentity::List::extended;
  } else if (list == "maximum") {
    identity.list = MeterIdentity::List::maximum;
  } else if (list != "standard") {
    refuse("list", "standard, extended or maximum", list);
  }
  for (const mesura_option_entry& entry : info.options.entries("omit")) identity.omit.emplace_back(view(entry.value));
  return identity;
}

}  // namespace

std::vector<MonthPeak> invent_peak_history(const MeterClock& clock, UtcSeconds start, std::uint64_t seed) {
  constexpr int kMonths = 13;
  std::vector<MonthPeak> history;
  const LocalTime now = clock.local(start);
  for (int back = kMonths - 1; back >= 0; --back) {
    const int index = now.year * 12 + now.month - 1 - back;  // of the month that follows the peak's
    const UtcSeconds capture = clock.month_begin(index / 12, index % 12 + 1);
    const std::uint64_t chance = chance_of(seed, 64, index);
    const std::int64_t days = 1 + static_cast<std::int64_t>(chance % 27);
    const std::int64_t quarter = 28 + static_cast<std::int64_t>((chance >> 16) % 52);  // 07:00 to 20:00, more or less
    const std::int64_t watts = 2300 + static_cast<std::int64_t>((chance >> 32) % 3900);
    history.push_back({capture, {capture - days * kDaySeconds + quarter * kQuarterSeconds, watts}});
  }
  return history;
}

VirtualSettings read_settings(const SessionInfo& info) {
  const Options& options = info.options;
  VirtualSettings s;
  const std::string_view name = options.text("dialect", "nl5");
  s.dialect = find_dialect(name);
  if (s.dialect == nullptr) refuse("dialect", "nl2, nl4, nl5, be, lu, at, se, hu or lt", name);
  s.zone = options.text("zone", s.dialect->zone);
  const MeterClock clock{s.zone};
  s.profile = options.text("profile", "house");
  s.pv_watts = options.integer("pv");
  if (s.pv_watts < 0 || s.pv_watts > 1'000'000) refuse("pv", "0 to 1000000 watts", fmt::format("{}", s.pv_watts));
  s.interval = whole_seconds(info, "interval", s.dialect->interval);
  if (s.interval < 1 || s.interval > 3600) refuse("interval", "1s to 1h", fmt::format("{}s", s.interval));
  const std::int64_t telegrams = options.integer("telegrams");
  if (telegrams < 0) refuse("telegrams", "0 (without end) or more", fmt::format("{}", telegrams));
  s.telegrams = static_cast<std::uint64_t>(telegrams);
  const std::string_view skew = options.text("clock_skew", "0s");
  const auto skew_seconds = parse_seconds(skew);
  if (!skew_seconds) refuse("clock_skew", "a duration such as 90s or -2m", skew);
  s.clock_skew = *skew_seconds;
  s.drop_link = whole_seconds(info, "drop_link", 0);
  if (s.drop_link < 0) refuse("drop_link", "a positive duration", fmt::format("{}s", s.drop_link));
  const std::int64_t chunk = options.integer("chunk");
  if (chunk < 0) refuse("chunk", "0 (whole telegrams) or more bytes", fmt::format("{}", chunk));
  s.chunk = static_cast<std::size_t>(chunk);
  s.crc = read_crc(info, *s.dialect);
  s.faults.noise = options.flag("noise");
  s.faults.bitflip = probability(info, "bitflip");
  s.faults.truncate = probability(info, "truncate");
  s.faults.lf_only = options.flag("lf_only");
  s.faults.parity = options.flag("parity");
  s.identity = read_identity(info, *s.dialect);
  s.cipher = read_cipher(info);

  ModelSetup& m = s.model;
  const std::int64_t phases = options.integer("phases", 3);
  if (phases != 1 && phases != 3) refuse("phases", "1 or 3", fmt::format("{}", phases));
  m.phases = static_cast<int>(phases);
  m.day_tariff = s.dialect->day_tariff;
  m.night_tariff = s.dialect->night_tariff;
  m.seed = static_cast<std::uint64_t>(options.integer("seed", 1)) + info.index;
  m.serial = serial_after(std::string{options.text("serial", s.dialect->serial)}, info.index);
  // A meter that has been there for a while, unless registers are given.
  if (!options.has("registers")) {
    m.import_wh = {4'321'098, 3'210'987, 0, 0};
    if (s.pv_watts > 0) m.export_wh = {512'345, 1'298'076, 0, 0};
  }
  for (const mesura_option_entry& entry : options.entries("registers"))
    read_register(m, view(entry.key), view(entry.value));
  if (const std::string_view text = options.text("month_peak"); !text.empty()) {
    const auto peak = parse_peak(text);
    if (!peak) refuse("month_peak", "4216W@2024-02-05T16:45:00Z", text);
    m.month_peak = *peak;
  }
  s.invent_history = !options.has("peak_history");
  for (const mesura_option_entry& entry : options.entries("peak_history"))
    m.peak_history.push_back(read_month_peak(clock, view(entry.value)));
  m.mbus = read_mbus(info, *s.dialect);
  if (const std::int64_t frozen = options.integer("freeze_mbus"); frozen != 0) {
    const auto slot =
        std::find_if(m.mbus.begin(), m.mbus.end(), [&](const MbusSlot& d) { return d.channel == frozen; });
    if (slot == m.mbus.end())
      refuse("freeze_mbus", "the channel of one of the meter's M-Bus devices", fmt::format("{}", frozen));
    slot->frozen = true;
  }
  for (const mesura_option_entry& entry : options.entries("events"))
    m.events.push_back(read_event(view(entry.value), m.phases));
  return s;
}

}  // namespace mesura::dsmr_p1::twin
