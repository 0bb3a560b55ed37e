// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A complete plugin: a meter that prints "voltage=230.1 active_power=512" and a line feed, over and over.
#include <mesura/plugin.hpp>

#include <charconv>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr char kSchema[] = R"(
plugin: good_plugin
version: 1.2.3
summary: A meter that prints key=value pairs, one telegram a line
links: [{name: data, transports: [serial, tcp, file], defaults: {serial: {baud: 9600}}}]
options:
  channel: {type: text, default: total, help: the channel of all values}
)";

class KeyValueMeter final : public mesura::Device {
 public:
  KeyValueMeter(mesura::Host host, const mesura::SessionInfo& info)
      : Device(host, info), channel_(info.options.text("channel", "total")) {}

  void on_bytes(mesura::LinkId link, mesura::Bytes bytes, const mesura::Meta& meta) override {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (line_.empty()) line_offset_ = meta.offset + i;
      if (bytes[i] != '\n') {
        if (line_.size() < 1024) line_ += static_cast<char>(bytes[i]);  // a line without end must not take all memory
        continue;
      }
      telegram(link, meta.received_ns);
      line_.clear();
    }
  }

 private:
  void telegram(mesura::LinkId link, std::int64_t received_ns) {
    values_.clear();
    for (std::string_view rest = line_; !rest.empty();) {
      const auto pair = rest.substr(0, rest.find(' '));
      rest.remove_prefix(pair.size() < rest.size() ? pair.size() + 1 : rest.size());
      const std::string key{pair.substr(0, pair.find('='))};
      double value = 0;
      if (key.size() == pair.size() ||
          std::from_chars(pair.data() + key.size() + 1, pair.data() + pair.size(), value).ec != std::errc{}) {
        const auto offset = line_offset_ + static_cast<std::size_t>(pair.data() - line_.data());
        host().fault({MESURA_FAULT_OBJECT, "bad_pair", pair, offset, pair.size(), link});
        continue;
      }
      if (!series_.contains(key)) series_[key] = host().series({channel_, key});
      values_.push_back(mesura::number(series_[key], value));
    }
    if (!values_.empty()) host().emit(values_, MESURA_NO_TIME, received_ns);
  }

  std::string channel_, line_;
  std::uint64_t line_offset_ = 0;
  std::map<std::string, mesura::SeriesId> series_;
  std::vector<mesura_measurement> values_;
};

}  // namespace

MESURA_PLUGIN(KeyValueMeter, "good_plugin", "1.2.3", kSchema)
