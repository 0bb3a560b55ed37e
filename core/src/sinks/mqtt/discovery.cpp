// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/discovery.hpp"

#include "runtime/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace mesura::sinks::mqtt {
namespace {

bool is_plain(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/// Topics of discovery and ids take letters, digits and '_' ('-' is kept for ourselves). Names that differ only in
/// what they cannot have stay apart by a hash.
std::string slug(std::string_view name) {
  std::string out;
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : name) {
    out += is_plain(c) ? c : '_';
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  if (out != name) out += fmt::format("_{:08x}", hash);
  return out;
}

/// "l1" and "ct3" are written in capitals, "grid_l1" and "battery_board" as words.
std::string channel_words(std::string channel) {
  const auto letters =
      std::find_if(channel.begin(), channel.end(), [](char c) { return c < 'a' || c > 'z'; }) - channel.begin();
  const bool numbered =
      letters > 0 && letters <= 3 && static_cast<std::size_t>(letters) < channel.size() &&
      std::all_of(channel.begin() + letters, channel.end(), [](char c) { return c >= '0' && c <= '9'; });
  for (char& c : channel) {
    if (c == '_') c = ' ';
    if (numbered) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return channel;
}

/// "L1 active power", "Solar active power", "Active power": Home Assistant puts the device's name in front.
std::string friendly_name(const SeriesInfo& series) {
  std::string out = series.label;
  if (out.empty() && series.channel != "total") out = channel_words(series.channel);
  std::string quantity = series.quantity;
  std::replace(quantity.begin(), quantity.end(), '_', ' ');
  if (!out.empty()) out += ' ';
  out += quantity;
  if (!out.empty() && out.front() >= 'a' && out.front() <= 'z')
    out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out;
}

/// value_json.l1_voltage_v, or value_json['...'] where that is no word of Jinja.
std::string member_of_json(const std::string& name) {
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_plain) && (name[0] < '0' || name[0] > '9'))
    return "value_json." + name;
  std::string out = "value_json['";
  for (const char c : name) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "']";
}

std::string value_template(Payload payload, const SeriesInfo& series, bool per_measurement) {
  // A state of Home Assistant has at most 255 characters; a longer one would be thrown away with an error.
  const std::string_view cut = series.text ? "[:255]" : "";
  if (payload == Payload::value) return series.text ? "{{ value[:255] }}" : "";
  if (per_measurement) return fmt::format("{{{{ value_json.{}{} }}}}", series.text ? "text" : "value", cut);
  const std::string member = member_of_json(series.flat_name);
  // A message need not hold every series. For numbers an empty result changes nothing; a text would be emptied.
  if (series.text) return fmt::format("{{{{ {0}{1} if {0} is defined else this.state }}}}", member, cut);
  return fmt::format("{{% if {0} is defined %}}{{{{ {0} }}}}{{% endif %}}", member);
}

std::string_view register_class(const SeriesInfo& s) {
  if (s.unit == "Wh" || s.unit == "GJ") return "energy";
  if (s.quantity == "gas_volume") return "gas";
  if (s.quantity == "water_volume") return "water";
  if (s.unit == "m3") return "volume";
  return "";
}

std::string_view gauge_class(const SeriesInfo& s) {
  if (s.unit == "W") return "power";
  if (s.unit == "var") return "reactive_power";
  if (s.unit == "VA") return "apparent_power";
  if (s.unit == "V") return "voltage";
  if (s.unit == "A") return "current";
  if (s.unit == "Hz") return "frequency";
  if (s.unit == "Cel") return "temperature";
  if (s.unit == "dBm") return "signal_strength";
  if (s.unit == "s" && s.quantity != "device_time") return "duration";
  if (s.quantity == "state_of_charge") return "battery";
  if (s.quantity == "power_factor") return "power_factor";
  return "";
}

}  // namespace

EntityClass class_of(const SeriesInfo& series) {
  EntityClass out;
  out.diagnostic = series.quantity == "signal_strength" || series.quantity == "uptime" ||
                   series.quantity == "read_time" || series.quantity == "device_time";
  if (series.text) return out;
  out.unit = series.unit;
  if (series.unit == "Cel") out.unit = "°C";
  if (series.unit == "m3") out.unit = "m³";
  if (series.unit == "deg") out.unit = "°";
  if (series.unit == "1") out.unit = "";
  switch (series.kind) {
    case Kind::reg:
      out.state_class = "total_increasing";
      out.device_class = register_class(series);
      break;
    case Kind::gauge:
      out.device_class = gauge_class(series);
      // Energy that is no register (that of the last interval) has neither class: energy must be a total there.
      if (series.unit != "Wh") out.state_class = "measurement";
      break;
    // A setting has a unit, but no statistics.
    case Kind::state: out.device_class = gauge_class(series); break;
  }
  return out;
}

std::string discovery_topic(std::string_view prefix, const SeriesInfo& series) {
  return fmt::format("{}/sensor/mesura_{}/{}/config", prefix, slug(series.device), slug(series.flat_name));
}

std::string discovery_payload(const Options& options, const SeriesInfo& series, const std::string& state_topic,
                              bool per_measurement, std::int64_t expire_after_s) {
  const EntityClass is = class_of(series);
  const std::string device = "mesura_" + slug(series.device);
  const std::string name = slug(series.flat_name);
  std::string out;
  runtime::JsonWriter json{out};
  const auto text = [&json](std::string_view key, std::string_view value) {
    if (!value.empty()) json.key(key).string(value);
  };
  json.begin_object();
  text("name", friendly_name(series));
  // With a '-', or device a_b with series c and device a with series b_c would be one.
  text("unique_id", device + "-" + name);
  // Home Assistant before and since 2025.10.
  text("object_id", device + "_" + name);
  text("default_entity_id", "sensor." + device + "_" + name);
  text("state_topic", state_topic);
  text("value_template", value_template(options.payload, series, per_measurement));
  text("device_class", is.device_class);
  text("state_class", is.state_class);
  text("unit_of_measurement", is.unit);
  if (!series.text) json.key("suggested_display_precision").integer(series.decimals);
  if (is.diagnostic) text("entity_category", "diagnostic");
  if (expire_after_s > 0) json.key("expire_after").integer(expire_after_s);
  if (options.availability != kNoAvailability) text("availability_topic", options.availability);
  json.key("device").begin_object().key("identifiers").begin_array().string(device).end_array();
  text("name", series.device);
  json.end_object();
  json.key("origin").begin_object();
  text("name", "Mesura");
  json.end_object().end_object();
  return out;
}

bool Cadence::note(std::int64_t time_ns) {
  if (last_ns_ == INT64_MIN || time_ns <= last_ns_) {
    // Late data say nothing about how often the device speaks.
    last_ns_ = std::max(last_ns_, time_ns);
    return false;
  }
  distances_[count_++ % distances_.size()] = time_ns - last_ns_;
  last_ns_ = time_ns;
  if (count_ < distances_.size()) return false;
  count_ = 0;
  auto sorted = distances_;
  std::sort(sorted.begin(), sorted.end());
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kLeast = 30;
  constexpr std::int64_t kMost = 7 * 86'400;
  const std::int64_t seconds =
      std::clamp(std::min(sorted[sorted.size() / 2], kMost * kSecond) * 4 / kSecond, kLeast, kMost);
  if (expire_s_ != 0 && seconds < expire_s_ * 2 && seconds * 2 > expire_s_) return false;
  expire_s_ = seconds;
  return true;
}

}  // namespace mesura::sinks::mqtt
