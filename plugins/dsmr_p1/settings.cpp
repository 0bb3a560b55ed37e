// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include "text_value.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <stdexcept>

namespace mesura::dsmr_p1 {
namespace {

// Published for all of Luxembourg; Austria hands out one for each meter.
constexpr std::string_view kLuxembourgAuthenticationKey = "00112233445566778899AABBCCDDEEFF";
constexpr std::size_t kDefaultMaxTelegram = 8192;
constexpr double kDefaultMaxPower = 200'000;  // W; three phases of 250 A

[[noreturn]] void refuse(std::string_view option, std::string_view expected) {
  throw std::invalid_argument(fmt::format("option {}: expected {}", option, expected));
}

Key parse_key(std::string_view option, std::string_view text) {
  Key key{};
  if (text.size() != 2 * key.size() || !is_hex(text))
    refuse(option, fmt::format("32 hex digits, got {} characters", text.size()));
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(hex_byte(text[2 * i], text[2 * i + 1]));
  return key;
}

template <class T, std::size_t N>
T choose(const Options& options, std::string_view name, const std::pair<std::string_view, T> (&choices)[N]) {
  const std::string_view text = options.text(name, choices[0].first);
  std::string known;
  for (const auto& [word, value] : choices) {
    if (text == word) return value;
    known += known.empty() ? "" : ", ";
    known += word;
  }
  refuse(name, fmt::format("one of {}; got '{}'", known, text));
}

/// "telegram", "on_change", or a duration in s, min or ms.
void read_every(std::string_view text, EmissionSettings& out) {
  if (text == "telegram") return;
  if (text == "on_change") {
    out.every = EmissionSettings::Every::on_change;
    return;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  std::optional<std::chrono::nanoseconds> one;
  if (unit == "ms") one = std::chrono::milliseconds{1};
  if (unit == "s") one = std::chrono::seconds{1};
  if (unit == "min") one = std::chrono::minutes{1};
  if (unit == "h") one = std::chrono::hours{1};
  constexpr std::int64_t kMost = 100'000'000;
  if (error != std::errc{} || !one || number <= 0 || number > kMost)
    refuse("every", fmt::format("telegram, on_change or a duration such as 10s; got '{}'", text));
  out.every = EmissionSettings::Every::interval;
  out.interval = number * *one;
}

ObisCode parse_alias(std::string_view text) {
  std::string_view rest = text;
  const auto code = take_obis(rest);
  if (!code || !rest.empty()) refuse("aliases", fmt::format("OBIS codes such as 1-0:1.8.0; got '{}'", text));
  return *code;
}

std::vector<std::string> read_list(const Options& options, std::string_view name) {
  std::vector<std::string> list;
  for (const auto& entry : options.entries(name)) list.emplace_back(abi::view(entry.value));
  return list;
}

}  // namespace

SessionSettings SessionSettings::from(const SessionInfo& info) {
  const Options& options = info.options;
  SessionSettings s;

  Decoder::Settings& d = s.decoder;
  d.max_telegram = static_cast<std::size_t>(options.integer("max_telegram", kDefaultMaxTelegram));
  d.crc = choose<CrcMode>(options, "crc",
                          {{"auto", CrcMode::automatic}, {"require", CrcMode::require}, {"ignore", CrcMode::ignore}});
  d.auth = choose<AuthMode>(
      options, "auth", {{"auto", AuthMode::automatic}, {"require", AuthMode::require}, {"ignore", AuthMode::ignore}});
  if (options.has("encryption_key")) d.encryption_key = parse_key("encryption_key", options.text("encryption_key"));
  d.authentication_key =
      parse_key("authentication_key", options.text("authentication_key", kLuxembourgAuthenticationKey));
  if (const std::string_view profile = options.text("profile", "auto"); profile != "auto") {
    d.parser.profile = parse_profile(profile);
    if (!d.parser.profile) refuse("profile", fmt::format("auto or the name of a dialect; got '{}'", profile));
  }
  if (options.has("std_offset")) d.parser.standard_offset_s = options.integer("std_offset") / kSecond;
  d.parser.zone = options.text("zone", info.zone);
  for (const auto& entry : options.entries("aliases"))
    d.parser.aliases.emplace_back(parse_alias(abi::view(entry.key)), parse_alias(abi::view(entry.value)));

  EmissionSettings& e = s.emission;
  read_every(options.text("every", "telegram"), e);
  e.include = read_list(options, "include");
  e.exclude = read_list(options, "exclude");
  e.guard = choose<bool>(options, "counters", {{"off", false}, {"guard", true}});
  e.max_power = options.number("counter_max_power", kDefaultMaxPower);
  e.meter_time = choose<bool>(options, "time_source", {{"meter", true}, {"host", false}});
  e.raw_telegram = options.flag("raw_telegram");
  for (const auto& entry : options.entries("tariff_labels")) {
    const std::string_view key = abi::view(entry.key);
    std::size_t tariff = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), tariff);
    if (error != std::errc{} || end != key.data() + key.size() || tariff < 1 || tariff > e.tariff_labels.size())
      refuse("tariff_labels",
             fmt::format("tariff numbers from 1 to {} as keys; got '{}'", e.tariff_labels.size(), key));
    e.tariff_labels[tariff - 1] = abi::view(entry.value);
  }

  s.request_line = choose<RequestLine>(options, "request_line",
                                       {{"always", RequestLine::always}, {"per_telegram", RequestLine::per_telegram}});
  s.sample_interval = options.duration("sample_interval", std::chrono::seconds{60});
  return s;
}

}  // namespace mesura::dsmr_p1
