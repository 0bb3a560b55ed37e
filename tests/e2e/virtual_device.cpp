// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_device.hpp"

#include "house.hpp"

#include <sstream>
#include <utility>

namespace mesura::test {

VirtualDevice::VirtualDevice(std::string plugin, std::vector<std::string> options, int links)
    : plugin_(std::move(plugin)), options_(std::move(options)), links_(links) {
  start({});
}

void VirtualDevice::start(const std::vector<std::string>& more) {
  std::vector<std::string> arguments{"simulate", plugin_, "--control"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  Command command = program(std::move(arguments));
  command.interactive = true;
  process_ = std::make_unique<Process>(std::move(command));
  addresses_.clear();
  for (int i = 0; i < links_; ++i) {
    const std::string line = process_->wait_for_line("serving");
    addresses_.push_back(line.substr(line.rfind(' ') + 1));
  }
}

void VirtualDevice::start_again(std::vector<std::string> more) { start(more); }

std::string VirtualDevice::host_and_port(std::size_t n) const {
  const std::string& at = address(n);
  const auto colon = at.rfind(':');
  return "host: " + at.substr(0, colon) + ", port: " + at.substr(colon + 1);
}

std::string VirtualDevice::control(const std::string& line) {
  process_->write(line + "\n");
  return process_->wait_for_line("{\"unit\":");
}

std::vector<std::pair<std::string, std::string>> sent_values(const std::string& log_file, const std::string& device,
                                                             const std::string& channel, const std::string& quantity) {
  std::vector<std::pair<std::string, std::string>> values;
  std::istringstream lines{read_file(log_file)};
  const auto field = [](const std::string& line, const std::string& key) {
    const auto at = line.find("\"" + key + "\":");
    if (at == std::string::npos) return std::string{};
    const auto begin = at + key.size() + 3;
    auto value = line.substr(begin, line.find_first_of(",}", begin) - begin);
    if (!value.empty() && value.front() == '"') value = value.substr(1, value.size() - 2);
    return value;
  };
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line.back() == '}' && field(line, "device") == device && field(line, "channel") == channel &&
        field(line, "quantity") == quantity)
      values.emplace_back(field(line, "time"), field(line, "value"));
  return values;
}

}  // namespace mesura::test
