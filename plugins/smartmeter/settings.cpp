// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::string_view kRawPort = "54322";

[[noreturn]] void refuse(std::string_view option, std::string_view expected, std::string_view got,
                         std::string_view hint = {}) {
  throw std::invalid_argument(
      fmt::format("option {}: expected {}; got {}{}{}", option, expected, got, hint.empty() ? "" : "; hint: ", hint));
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
  refuse(name, fmt::format("one of {}", known), fmt::format("'{}'", text));
}

bool take_integer(std::string_view& text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

Channel channel_of(const SessionInfo& info) {
  const std::string_view kind = info.link(0).kind;
  if (!info.live || kind == "file" || kind == "replay") return Channel::recording;
  if (kind == "serial" || kind == "pty") return Channel::serial;
  if (kind == "mqtt") return Channel::mqtt;
  return kind == "tcp_listen" ? Channel::server : Channel::tcp;
}

void read_slot(std::string_view text, Settings& s) {
  if (!parse_slot(text, s.slot, s.slots))
    refuse("slot", "SLOT/SLOTS with 0 <= SLOT < SLOTS <= 3600, such as 1/4", fmt::format("'{}'", text));
}

/// "2026-03-02T15:04:10Z", or "+5s grid": the next whole multiple of 5 s, the same for all devices.
void read_start(std::string_view text, Settings& s) {
  if (const auto instant = parse_instant(text)) {
    s.start_ns = *instant;
    return;
  }
  std::string_view rest = text;
  if (rest.starts_with('+')) rest.remove_prefix(1);
  if (!take_integer(rest, s.grid_s) || (rest != "s grid" && rest != "s") || s.grid_s < 1 || s.grid_s > 86400)
    refuse("start_at", "an instant such as 2026-03-02T15:04:10Z, or a grid such as '+5s grid' (1 to 86400 s)",
           fmt::format("'{}'", text));
}

void choose_activity(const SessionInfo& info, Settings& s) {
  const Options& o = info.options;
  const bool raw = choose<bool>(o, "mode", {{"command", false}, {"raw", true}});
  enum class Stream { automatic, on, off };
  const auto stream =
      choose<Stream>(o, "stream", {{"auto", Stream::automatic}, {"on", Stream::on}, {"off", Stream::off}});
  if (raw) {
    if (stream == Stream::off) refuse("stream", "on or auto with mode raw", "'off'");
    if (s.channel != Channel::tcp && s.channel != Channel::recording)
      refuse("mode", "command unless the link is tcp", "'raw'", "the raw stream is TCP port 54322 of the device");
    s.activity = Activity::raw;
    const std::string_view address = info.link(0).address;
    s.raw_on_command =
        s.channel == Channel::recording || (address.size() > kRawPort.size() && address.ends_with(kRawPort) &&
                                            address[address.size() - kRawPort.size() - 1] == ':');
    return;
  }
  if (s.channel == Channel::mqtt && stream != Stream::on) {
    s.activity = s.poll_mqtt ? Activity::poll : Activity::listen;
  } else if (stream == Stream::off) {
    s.activity = Activity::poll;
  }
}

void choose_sink(const SessionInfo& info, Settings& s) {
  bool udp = choose<bool>(info.options, "sink", {{"auto", false}, {"udp", true}});
  const LinkInfo data = info.link(1);
  if (data.kind == "udp" && s.activity == Activity::sample) udp = true;
  if (data.kind == "tcp" && s.activity != Activity::raw)
    refuse("mode", "raw with a data link over tcp", "'command'",
           "datagrams come over udp, all else over the first link");
  if (s.channel == Channel::serial) s.sink = Sink::serial;
  if (s.channel == Channel::mqtt) s.sink = Sink::mqtt;
  if (!udp) return;
  if (s.channel == Channel::serial || s.channel == Channel::mqtt)
    refuse("sink", fmt::format("auto over {}", info.link(0).kind), "'udp'");
  s.sink = Sink::udp;
  // The device sends to where the link listens.
  std::string_view port = data.address.substr(std::min(data.address.rfind(':') + 1, data.address.size()));
  std::int64_t number = 0;
  if (take_integer(port, number) && port.empty() && number >= 1 && number <= 65535) s.udp_port = number;
}

void check_measures(Settings& s) {
  const Model model = s.model.value_or(s.measures == "v,i,p,q" ? Model::powermeter : Model::smartmeter);
  if (s.measures == "v,i,p,q" && !s.model) s.model = Model::powermeter;
  const auto [measure, rate] = s.request(model);
  if (s.activity == Activity::raw && (measure->option != "v,i,v,i,v,i" || rate != 8000) && model == Model::smartmeter)
    refuse("mode", "measures v,i,v,i,v,i at rate 8000 with mode raw", fmt::format("{} at {}", measure->option, rate),
           "port 54322 has no other");
  if (s.activity != Activity::sample || s.sink != Sink::mqtt) return;
  if (measure->is_wave() || rate > kMaxLatchedRate)
    refuse("measures", fmt::format("v,i_RMS or p,q at 1 to {} over MQTT", kMaxLatchedRate),
           fmt::format("{} at {}", measure->option, rate), "waveforms need TCP, UDP or serial");
}

std::int64_t days_from_civil(std::int64_t y, std::int64_t m, std::int64_t d) {
  y -= m <= 2 ? 1 : 0;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t yoe = y - era * 400;
  const std::int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool take_fraction(std::string_view& rest, std::int64_t& ns) {
  if (!rest.starts_with('.')) return true;
  rest.remove_prefix(1);
  std::int64_t unit = kSecond / 10;
  std::size_t digits = 0;
  for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits, unit /= 10)
    ns += unit * (rest[digits] - '0');
  rest.remove_prefix(digits);
  return digits > 0;
}

}  // namespace

bool parse_slot(std::string_view text, std::int64_t& slot, std::int64_t& slots) {
  if (!take_integer(text, slot) || !text.starts_with('/')) return false;
  text.remove_prefix(1);
  return take_integer(text, slots) && text.empty() && slots >= 1 && slots <= 3600 && slot >= 0 && slot < slots;
}

std::optional<std::int64_t> parse_unix_seconds(std::string_view text) {
  std::int64_t seconds = 0, ns = 0;
  constexpr std::int64_t kMost = 9'000'000'000;
  if (!take_integer(text, seconds) || seconds < 0 || seconds > kMost || !take_fraction(text, ns) || !text.empty())
    return std::nullopt;
  return seconds * kSecond + ns;
}

std::optional<std::int64_t> parse_instant(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() <= kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == '0' ? !digit : text[i] != kShape[i] && !(kShape[i] == 'T' && text[i] == ' ')) return std::nullopt;
  }
  const auto part = [&](std::size_t at, std::size_t size) {
    std::int64_t value = 0;
    for (std::size_t i = at; i < at + size; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  const std::int64_t year = part(0, 4), month = part(5, 2), day = part(8, 2);
  const std::int64_t hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  if (year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
      second > 59)
    return std::nullopt;
  std::string_view rest = text.substr(kShape.size());
  std::int64_t ns = 0;
  if (!take_fraction(rest, ns) || rest != "Z") return std::nullopt;
  return (((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * kSecond + ns;
}

Settings::Request Settings::request(Model of) const {
  const Measure* measure = find_measure(of, measures);
  if (measure == nullptr)
    refuse("measures",
           of == Model::powermeter ? "v,i_L1, p,q, v,i_RMS or v,i,p,q on a PowerMeter"
                                   : "v,i,v,i,v,i, v,i_L1, v,i_L2, v,i_L3, p,q or v,i_RMS on a SmartMeter",
           fmt::format("'{}'", measures));
  const std::int64_t wanted = rate != 0 ? rate : default_rate(*measure);
  if (const std::string expected = refuse_rate(*measure, wanted); !expected.empty())
    refuse("rate", expected, fmt::format("{}", wanted),
           of == Model::smartmeter ? "a PowerMeter takes any up to 8000: set type: powermeter" : "");
  return {measure, wanted};
}

Settings Settings::from(const SessionInfo& info) {
  const Options& o = info.options;
  Settings s;
  s.channel = channel_of(info);
  s.model = choose<std::optional<Model>>(
      o, "type", {{"auto", std::nullopt}, {"smartmeter", Model::smartmeter}, {"powermeter", Model::powermeter}});
  s.measures = o.text("measures", "v,i,v,i,v,i");
  if (s.measures == "v,i")
    refuse("measures", "v,i,v,i,v,i (three lines) or v,i_L1 (line 1 only)", "'v,i'",
           "the firmware measures line 1 for it, its description says all three");
  s.rate = o.integer("rate");
  if (o.has("rate") && s.rate == 0) refuse("rate", "at least 1", "0");
  s.udp_port = o.integer("udp_port", s.udp_port);
  s.derive = o.flag("derive", true);
  s.flow_control = choose<FlowControl>(
      o, "flow_control", {{"off", FlowControl::off}, {"cts", FlowControl::cts}, {"request", FlowControl::request}});
  s.interval = o.duration("interval", s.interval);
  s.poll_mqtt = o.has("interval");
  s.topic_base = o.text("topic", s.topic_base);
  s.mqtt_name = o.text("name");
  s.chunk_rows = static_cast<std::size_t>(o.integer("chunk_rows"));
  s.calibration = Calibration::from(o.entries("calibration"));
  s.fleet = info.fleet;
  s.key_is_address = o.text("key", "name") == "address";
  const std::string_view address = info.link(0).address;
  s.host = address.substr(0, std::min(address.rfind(':'), address.size()));
  if (!info.link(1).kind.empty()) s.data_address = info.link(1).address.empty() ? "?" : info.link(1).address;

  choose_activity(info, s);
  choose_sink(info, s);
  if (o.has("slot")) read_slot(o.text("slot"), s);
  if (o.has("start_at")) read_start(o.text("start_at"), s);
  check_measures(s);
  if (s.flow_control == FlowControl::request) {
    if (s.sink == Sink::udp) refuse("flow_control", "off or cts with sink udp", "'request'");
    if (!find_measure(s.model.value_or(Model::smartmeter), s.measures)->is_wave())
      refuse("flow_control", "off or cts with latched measures", "'request'");
  }
  if (s.slots > 0 && (s.sink == Sink::serial || s.sink == Sink::mqtt))
    refuse("slot", "a TCP or UDP stream", "another link", "slots are sent to the TCP owner");
  return s;
}

}  // namespace mesura::smartmeter
