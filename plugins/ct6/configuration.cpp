// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "configuration.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "answer.hpp"
#include "json_text.hpp"
#include "repair.hpp"
#include "text_value.hpp"

namespace mesura::ct6 {
namespace {

using Kind = Setting::Kind;

constexpr double kLargestRegister = 65535;
constexpr std::size_t kLongestText = 64;
constexpr std::string_view kMask = "***";

constexpr std::string_view kAtTheFactory = "it is fixed in the firmware";
constexpr std::string_view kWifi =
    "WiFi cannot be set over the network: hold the unit's WiFi button for 5 s and set it up over Bluetooth or USB "
    "(README)";

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void add_ports(std::vector<Setting>& all) {
  for (std::int64_t port = 1; port <= static_cast<std::int64_t>(kMaxPorts); ++port) {
    const auto add = [&](std::string_view suffix, std::string_view word, Kind kind, double min = 0) {
      all.push_back({port_setting(port, suffix), fmt::format("ct{}_{}", port, word), kind, min, kLargestRegister, {}});
    };
    add("NAME", "name", Kind::name);
    add("TYPE", "type", Kind::name);
    add("IGAIN", "gain", Kind::integer, 1);
    add("IOFFSET", "offset", Kind::integer);
  }
}

std::vector<Setting> make_settings() {
  std::vector<Setting> all = {
      {"YDEV_UNIT_NAME", "unit_name", Kind::name},
      {"YDEV_GROUP_NAME", "group_name", Kind::name},
      {"ACTIVE", "active", Kind::flag},
      {"MQTT_SERVER_ADDRESS", "mqtt_host", Kind::text},
      {"MQTT_SERVER_PORT", "mqtt_port", Kind::integer, 1, 65535},
      {"MQTT_TOPIC", "mqtt_topic", Kind::text},
      {"MQTT_USERNAME", "mqtt_username", Kind::text},
      {"MQTT_PASSWORD", "mqtt_password", Kind::secret, 0, 0,
       "use `set_mqtt`, which keeps it out of logs and process lists"},
      {"MQTT_TX_PERIOD_MS", "mqtt_period", Kind::period, 200, 60000},
      {"PF_WATTS_THRESHOLD", "power_factor_threshold", Kind::number, 0, 100000},
      {"ZERO_POWER_GATE_WATTS", "zero_power_gate", Kind::number, 0, 1000},
      {"LINE_FREQ_HZ", "line_frequency", Kind::integer, 50, 60,
       "use `set_line_frequency`, which asks first: a wrong one keeps the unit from starting"},
      {"ASSY", "serial", Kind::identity},
      {"CS4_VOLTAGE_GAIN", "cs4_voltage_gain", Kind::integer, 1, kLargestRegister},
      {"CS4_VOLTAGE_OFFSET", "cs4_voltage_offset", Kind::integer, 0, kLargestRegister},
      {"CS0_VOLTAGE_GAIN", "cs0_voltage_gain", Kind::integer, 1, kLargestRegister},
      {"CS0_VOLTAGE_OFFSET", "cs0_voltage_offset", Kind::integer, 0, kLargestRegister},
  };
  add_ports(all);
  for (const auto& [key, word, reason] : std::initializer_list<std::array<std::string_view, 3>>{
           {"YDEV_PRODUCT_ID", "product_id", kAtTheFactory},
           {"YDEV_DEVICE_TYPE", "device_type", kAtTheFactory},
           {"YDEV_SERVICE_LIST", "services", kAtTheFactory},
           {"YDEV_OS", "operating_system", kAtTheFactory},
           {"YDEV_AYT_TCP_PORT_KEY", "udp_port", kAtTheFactory},
           {"BLUETOOTH_ON_KEY", "bluetooth", "it is set by the set-up over Bluetooth"},
           {"APP", "slot", "`upgrade` changes it"},
           {"WIFI", "wifi", kWifi},
           {"WIFI_SSID", "wifi_ssid", kWifi},
           {"WIFI_PASSWORD", "wifi_password", kWifi},
           {"SSID", "ssid", kWifi},
           {"PASSWD", "passwd", kWifi},
           {"NTP", "ntp",
            "the time server is fixed in the firmware: pool.ntp.org, asked over the network's DNS and gateway"},
           {"NTP_SERVER", "ntp_server",
            "the time server is fixed in the firmware: pool.ntp.org, asked over the network's DNS and gateway"}})
    all.push_back({std::string{key}, std::string{word}, Kind::fixed, 0, 0, reason});
  return all;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Whether the unit would make a float of it: what Python's float() takes.
bool reads_as_number(std::string_view text) {
  std::string plain = lower(text);
  plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  if (!plain.empty() && (plain.front() == '+' || plain.front() == '-')) plain.erase(0, 1);
  if (plain == "nan" || plain == "inf" || plain == "infinity") return true;
  if (plain.empty()) return false;
  double value = 0;
  const char* const end = plain.data() + plain.size();
  const auto [stop, error] = std::from_chars(plain.data(), end, value);
  return error != std::errc::invalid_argument && stop == end;
}

Checked bad(std::string_view expected, std::string_view got) {
  return {{}, fmt::format("expected {}, got '{}'", expected, excerpt(got, kLongestText))};
}

Checked check_text(const Setting& setting, std::string_view value) {
  const bool name = setting.kind == Kind::name;
  const std::string_view forbidden = name ? " .,=?'\"" : " ,=?'\"";
  const auto unfit = [&](char c) { return c <= ' ' || c >= '\x7F' || forbidden.find(c) != std::string_view::npos; };
  const std::string_view got = setting.kind == Kind::secret ? kMask : value;
  if (std::any_of(value.begin(), value.end(), unfit))
    return bad(name ? "printable ASCII without space . , = ? ' \"" : "printable ASCII without space , = ? ' \"", got);
  if (value.size() > kLongestText) return bad("at most 64 characters", got);
  if (reads_as_number(value)) return bad("a text that is no number, as the unit would make a float of it", got);
  return {std::string{value}, {}};
}

Checked check_number(const Setting& setting, std::string_view value) {
  const auto number = number_in(value);
  const bool whole = setting.kind != Kind::number;
  const std::string range = fmt::format("{} from {} to {}", whole ? "an integer" : "a number", json_number(setting.min),
                                        json_number(setting.max));
  if (setting.key == "LINE_FREQ_HZ" && (!number || (*number != 50 && *number != 60))) return bad("50 or 60", value);
  if (!number || *number < setting.min || *number > setting.max) return bad(range, value);
  if (whole && *number != std::floor(*number)) return bad(range, value);
  return {json_number(*number), {}};
}

Checked check_period(const Setting& setting, std::string_view value) {
  std::string plain{value};
  if (value.ends_with("ms")) {
    plain = value.substr(0, value.size() - 2);
  } else if (value.ends_with('s')) {
    const auto seconds = number_in(value.substr(0, value.size() - 1));
    plain = seconds ? json_number(*seconds * 1000) : plain;
  }
  Checked checked = check_number(setting, plain);
  return checked.problem.empty() ? checked : bad("200ms to 60s, or 200 to 60000", value);
}

Checked check_flag(std::string_view value) {
  const auto number = number_in(value);
  if (value == "true" || (number && *number == 1)) return {"1", {}};
  if (value == "false" || (number && *number == 0)) return {"0", {}};
  return bad("true or false", value);
}

Checked check_identity(std::string_view value) {
  // ASYnnnn_Vxxx.xxx_SNnnnnnnnn
  const auto digits = [](std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::size_t v = value.find("_V"), sn = value.find("_SN");
  const bool parts = value.starts_with("ASY") && v == 7 && sn != std::string_view::npos && sn > v;
  const std::string_view version = parts ? value.substr(v + 2, sn - v - 2) : "";
  const std::size_t dot = version.find('.');
  if (!parts || !digits(value.substr(3, 4)) || dot == std::string_view::npos || !digits(version.substr(0, dot)) ||
      !digits(version.substr(dot + 1)) || version.size() > 9 || value.size() != sn + 11 ||
      !digits(value.substr(sn + 3)))
    return bad("ASYnnnn_Vxxx.xxx_SNnnnnnnnn", value);
  return {std::string{value}, {}};
}

StoredValue stored_of(simdjson::dom::element value) {
  StoredValue stored;
  double number = 0;
  std::string_view text;
  bool flag = false;
  if (value.is_number() && value.get(number) == simdjson::SUCCESS) {
    stored.is_number = true;
    stored.number = number;
    stored.text = json_number(number);
  } else if (value.get(text) == simdjson::SUCCESS) {
    stored.text = text;
  } else if (value.get(flag) == simdjson::SUCCESS) {
    stored.is_number = true;
    stored.number = flag ? 1 : 0;
    stored.text = flag ? "1" : "0";
  } else {
    stored.text = simdjson::minify(value);
  }
  return stored;
}

std::string describe_wifi(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object wifi;
  if (parser.parse(json.data(), json.size()).get(wifi) != simdjson::SUCCESS) return "null";
  JsonText out = JsonText::object();
  for (const auto [key, value] : wifi) {
    const std::string name = lower(key);
    const bool secret = name.find("pass") != std::string::npos;
    out.raw(name, secret ? quoted_json(kMask) : simdjson::minify(value));
  }
  return out.str();
}

}  // namespace

std::string port_setting(std::int64_t port, std::string_view suffix) { return fmt::format("CT{}_{}", port, suffix); }

const std::vector<Setting>& all_settings() {
  static const std::vector<Setting> kAll = make_settings();
  return kAll;
}

const Setting* find_setting(std::string_view word) {
  std::string wanted = lower(word);
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  if (wanted == "assy") wanted = "serial";
  for (const Setting& s : all_settings())
    if (s.word == wanted || lower(s.key) == wanted) return &s;
  return nullptr;
}

std::string nearest_setting(std::string_view word) {
  const std::string wanted = lower(word);
  const Setting* best = nullptr;
  std::size_t least = std::max<std::size_t>(3, wanted.size() / 3 + 2);  // a swap of letters counts as two
  for (const Setting& s : all_settings()) {
    if (s.kind == Kind::fixed) continue;
    const std::size_t d = std::min(distance(wanted, s.word), distance(wanted, lower(s.key)));
    if (d < least) {
      least = d;
      best = &s;
    }
  }
  return best != nullptr ? fmt::format("; did you mean {}?", best->word) : std::string{};
}

std::optional<Configuration> Configuration::read(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  std::string mended;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) {
    if (!mend_apostrophes(json, mended)) return std::nullopt;
    if (parser.parse(mended.data(), mended.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  }
  Configuration out;
  for (const auto [key, value] : root) out.values_.emplace_back(std::string{key}, stored_of(value));
  return out;
}

const StoredValue* Configuration::find(std::string_view key) const {
  const auto at = std::find_if(values_.begin(), values_.end(), [&](const auto& v) { return v.first == key; });
  return at != values_.end() ? &at->second : nullptr;
}

int Configuration::ports() const {
  int count = 0;
  while (has(port_setting(count + 1, "IGAIN"))) ++count;
  return count;
}

Checked check_value(const Setting& setting, std::string_view value) {
  switch (setting.kind) {
    case Kind::name:
    case Kind::text:
    case Kind::secret: return check_text(setting, value);
    case Kind::identity: return check_identity(value);
    case Kind::integer:
    case Kind::number: return check_number(setting, value);
    case Kind::period: return check_period(setting, value);
    case Kind::flag: return check_flag(value);
    case Kind::fixed: break;
  }
  return {{}, std::string{setting.reason}};
}

bool holds(const StoredValue& stored, const Setting& setting, std::string_view wire) {
  constexpr double kFloatSteps = 1e-6;  // the unit has 32-bit floats
  const bool text = setting.kind == Kind::name || setting.kind == Kind::text || setting.kind == Kind::secret ||
                    setting.kind == Kind::identity || setting.kind == Kind::fixed;
  if (text) return stored.text == wire;
  const auto number = number_in(wire);
  return stored.is_number && number &&
         std::abs(stored.number - *number) <= kFloatSteps * std::max(1.0, std::abs(*number));
}

std::string shown(const Setting& setting, const StoredValue* stored) {
  if (stored == nullptr) return "null";
  if (setting.kind == Kind::secret) return quoted_json(stored->text.empty() ? std::string_view{} : kMask);
  if (setting.kind == Kind::flag && stored->is_number) return stored->number != 0 ? "true" : "false";
  if (setting.kind == Kind::fixed && setting.key == "WIFI") return describe_wifi(stored->text);
  const bool number = setting.kind == Kind::integer || setting.kind == Kind::number || setting.kind == Kind::period ||
                      setting.kind == Kind::fixed;
  return stored->is_number && number ? json_number(stored->number) : quoted_json(stored->text);
}

std::string shown_wire(const Setting& setting, std::string_view wire) {
  StoredValue value;
  value.text = wire;
  const auto number = number_in(wire);
  value.is_number = number.has_value();
  value.number = number.value_or(0);
  return shown(setting, &value);
}

std::string describe(const Configuration& configuration) {
  JsonText out = JsonText::object();
  for (const Setting& s : all_settings())
    if (const StoredValue* value = configuration.find(s.key)) out.raw(s.word, shown(s, value));
  // What a newer firmware may have added, under the device's own name.
  for (const auto& [key, value] : configuration.values()) {
    if (find_setting(key) != nullptr) continue;
    const std::string name = lower(key);
    const bool secret = name.find("pass") != std::string::npos || name.find("secret") != std::string::npos ||
                        name.find("token") != std::string::npos;
    out.raw(name, secret ? quoted_json(kMask) : value.is_number ? json_number(value.number) : quoted_json(value.text));
  }
  return out.str();
}

std::vector<std::string> factory_keys(int ports) {
  std::vector<std::string> keys = {"ASSY", "CS0_VOLTAGE_GAIN", "CS4_VOLTAGE_GAIN"};
  for (int port = 1; port <= ports; ++port) {
    keys.push_back(port_setting(port, "IGAIN"));
    keys.push_back(port_setting(port, "IOFFSET"));
  }
  keys.emplace_back("LINE_FREQ_HZ");
  return keys;
}

std::string describe_factory(const Configuration& configuration) {
  JsonText out = JsonText::object();
  for (const std::string& key : factory_keys(std::max(configuration.ports(), static_cast<int>(kUsualPorts))))
    if (const StoredValue* value = configuration.find(key))
      out.raw(key, value->is_number ? json_number(value->number) : quoted_json(value->text));
  return out.str();
}

}  // namespace mesura::ct6
