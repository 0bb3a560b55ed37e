// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/fleet_names.hpp"

#include "runtime/files.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace mesura::session {
namespace {

/// Keys come from the wire: what would break the lines of the file is written as %XX.
std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == '%' || byte == 0x7f)
      out += fmt::format("%{:02x}", byte);
    else
      out += c;
  }
  return out;
}

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

}  // namespace

std::string snake_case(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter)
      out += c;
    else if (c >= 'A' && c <= 'Z')
      out += static_cast<char>(c - 'A' + 'a');
    else if (!out.empty() && out.back() != '_')
      out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

FleetNames::FleetNames(std::string rule, std::string file, std::shared_ptr<TakenNames> taken)
    : rule_(std::move(rule)), file_(std::move(file)), taken_(std::move(taken)) {
  if (!file_.empty()) read();
}

FleetNames::~FleetNames() {
  for (const auto& [key, device] : by_key_)
    if (const auto own = taken_->given.find(device); own != taken_->given.end()) taken_->given.erase(own);
}

std::string FleetNames::free_name(const std::string& wanted) const {
  std::string device = wanted;
  for (int n = 2; taken_->has(device); ++n) device = fmt::format("{}_{}", wanted, n);
  return device;
}

void FleetNames::read() {
  const std::string text = runtime::read_file(file_).value_or(std::string{});
  std::string_view rest = text;
  // A last line without its end was cut by a crash: its unit gets its name again.
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos || tab == 0) continue;
    by_key_.insert_or_assign(unescaped(line.substr(tab + 1)), std::string{line.substr(0, tab)});
  }
  for (auto& [key, device] : by_key_) {
    std::string free = free_name(device);
    if (free != device)
      warnings_.push_back(fmt::format("the unit '{}' was device '{}', which is another one's name now: it becomes '{}'",
                                      key, device, free));
    device = std::move(free);
    taken_->given.insert(device);
  }
}

std::string FleetNames::append(const std::string& device, std::string_view key) const {
  const runtime::UniqueFd fd{::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
  std::string line = fmt::format("{}\t{}\n", device, escaped(key));
  if (fd) {
    // Whatever a crash left of a line is ended first.
    const auto size = ::lseek(fd.get(), 0, SEEK_END);
    char last = '\n';
    if (size > 0 && ::pread(fd.get(), &last, 1, size - 1) == 1 && last != '\n') line.insert(line.begin(), '\n');
    if (::write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) return {};
  }
  return fmt::format("the name of device '{}' is forgotten at the program's end: {} can't be written: {}", device,
                     file_, std::strerror(errno));
}

FleetNames::Name FleetNames::device(std::string_view key, std::string_view unit_name) {
  if (const auto known = by_key_.find(key); known != by_key_.end()) return {known->second, {}};
  std::string text = rule_;
  replace_all(text, "{unit_name}", unit_name.empty() ? key : unit_name);
  replace_all(text, "{key}", key);
  std::string wanted = snake_case(text);
  if (wanted.empty()) wanted = "unit";
  // An address, mostly: names begin with a letter.
  if (wanted.front() >= '0' && wanted.front() <= '9') wanted.insert(0, "unit_");
  std::string device = free_name(wanted);
  Name name{device, {}};
  if (device != wanted)
    name.warning = fmt::format(
        "the unit '{}' is called '{}' as another one is: it becomes device '{}'\n  hint  give one of the units another "
        "name; devices keep the names that they have here",
        key, unit_name, device);
  if (!file_.empty()) {
    const std::string problem = append(device, key);
    if (!problem.empty()) name.warning += (name.warning.empty() ? "" : "\n") + problem;
  }
  taken_->given.insert(device);
  by_key_.emplace(key, std::move(device));
  return name;
}

}  // namespace mesura::session
