// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/tests/exec_adapter.hpp"

#include "runtime/time_text.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace mesura::sinks::test {
namespace {

std::string string_at(const std::string& line, std::size_t& at) {
  std::string out;
  for (++at; line.at(at) != '"'; ++at) {
    if (line[at] != '\\') {
      out += line[at];
      continue;
    }
    const char c = line.at(++at);
    switch (c) {
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'u':
        out += static_cast<char>(std::stoi(line.substr(at + 1, 4), nullptr, 16));  // only control characters
        at += 4;
        break;
      default: out += c;
    }
  }
  ++at;
  return out;
}

void set_limit(pid_t pid, rlim_t bytes) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_FSIZE, nullptr, &limit) != 0) return;  // it has ended meanwhile
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  ::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr);
}

void set_limits(rlim_t bytes) {
  set_limit(::getpid(), bytes);
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children{task.path() / "children"};
    for (pid_t pid = 0; children >> pid;) set_limit(pid, bytes);
  }
}

}  // namespace

std::map<std::string, JsonMember> parse_json_line(const std::string& line) {
  std::map<std::string, JsonMember> out;
  std::size_t at = 0;
  if (line.at(at) != '{') throw std::runtime_error("no object: " + line);
  do {
    ++at;
    const std::string key = string_at(line, at);
    if (line.at(at) != ':') throw std::runtime_error("no colon: " + line);
    ++at;
    JsonMember& member = out[key];
    if (line.at(at) == '"') {
      member = {string_at(line, at), true};
      continue;
    }
    const bool list = line[at] == '[';
    const auto end = list ? line.find(']', at) + 1 : line.find_first_of(",}", at);
    member = {line.substr(at, end - at), false};
    at = end;
  } while (line.at(at) == ',');
  if (line.substr(at) != "}") throw std::runtime_error("no end: " + line);
  return out;
}

exec::Options ExecAdapter::options(const std::string& how) const {
  exec::Options out;
  out.command.argv = {MESURA_EXEC_CHILD, store().string()};
  if (!how.empty()) out.command.argv.push_back(how);
  return out;
}

std::unique_ptr<Sink> ExecAdapter::make(const SeriesTable& series) const {
  return std::make_unique<exec::ExecSink>(options(), series, runtime::Logger{});
}

std::vector<std::string> ExecAdapter::lines() const {
  const std::string text = read_file(store());
  if (!text.empty() && text.back() != '\n') throw std::runtime_error("torn line at the end");
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Stored ExecAdapter::read(const std::vector<std::string>& devices) const {
  Stored out;
  for (const std::string& line : lines()) {
    auto object = parse_json_line(line);
    const std::string device = object.at("device").text;
    if (std::find(devices.begin(), devices.end(), device) == devices.end()) continue;
    const auto time = runtime::parse_time(object.at("time").text);
    if (!time) throw std::runtime_error("no time: " + line);
    const std::string name = suffixed(object.at("channel").text, object.at("quantity").text, object.at("unit").text);
    const auto quality = object.find("quality");
    const Feed::Value value =
        object.contains("text") ? Feed::Value{object.at("text").text} : Feed::Value{std::stod(object.at("value").text)};
    out[{device, name, *time / 1000}] = {value, quality == object.end() ? "good" : quality->second.text};
  }
  return out;
}

std::size_t ExecAdapter::rows(const std::vector<std::string>& devices) const {
  const auto all = lines();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const std::string& line) {
    const std::string device = parse_json_line(line).at("device").text;
    return std::find(devices.begin(), devices.end(), device) != devices.end();
  }));
}

std::shared_ptr<void> ExecAdapter::lock() const {
  auto fd = std::make_shared<runtime::UniqueFd>(::open(store().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) throw std::runtime_error("flock");
  return fd;
}

std::shared_ptr<void> ExecAdapter::small_disk() const {
  set_limits(300'000);
  return {nullptr, [](const void*) { set_limits(RLIM_INFINITY); }};
}

}  // namespace mesura::sinks::test
