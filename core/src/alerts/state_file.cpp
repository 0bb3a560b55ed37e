// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "alerts/engine.hpp"

#include <sys/statvfs.h>

#include <array>
#include <charconv>
#include <string_view>

namespace mesura::alerts {
namespace {

constexpr std::string_view kHead = "mesura-alerts 1";

/// One field of a line: tabs, ends of lines and backslashes escaped.
void append_field(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\t')
      out += "\\t";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\\')
      out += "\\\\";
    else
      out += c;
  }
}

std::string read_field(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 't' ? '\t' : c == 'n' ? '\n' : c;
  }
  return out;
}

std::string_view cut(std::string_view& rest, char at) {
  const std::size_t end = std::min(rest.find(at), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

}  // namespace

std::string save_alerts(const std::vector<Alert>& active) {
  std::string out{kHead};
  out += '\n';
  for (const Alert& alert : active) {
    for (const std::string* field : {&alert.rule, &alert.kind, &alert.subject}) {
      append_field(out, *field);
      out += '\t';
    }
    out += std::to_string(alert.since_ns) + '\t';
    append_field(out, alert.message);
    out += '\n';
  }
  return out;
}

std::vector<Alert> restore_alerts(const std::string& text) {
  std::vector<Alert> list;
  std::string_view rest = text;
  if (cut(rest, '\n') != kHead) return list;
  while (!rest.empty()) {
    std::string_view line = cut(rest, '\n');
    Alert alert;
    alert.rule = read_field(cut(line, '\t'));
    alert.kind = read_field(cut(line, '\t'));
    alert.subject = read_field(cut(line, '\t'));
    const std::string_view since = cut(line, '\t');
    const auto parsed = std::from_chars(since.data(), since.data() + since.size(), alert.since_ns);
    if (parsed.ec != std::errc{} || alert.rule.empty() || alert.subject.empty()) continue;
    alert.message = read_field(line);
    alert.active = true;
    list.push_back(std::move(alert));
  }
  return list;
}

std::optional<Sources::Disk> disk_of(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return std::nullopt;
  return Sources::Disk{std::uint64_t{info.f_bavail} * info.f_frsize, std::uint64_t{info.f_blocks} * info.f_frsize};
}

}  // namespace mesura::alerts
