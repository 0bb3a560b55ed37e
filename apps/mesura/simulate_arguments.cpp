// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "simulate_arguments.hpp"

#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace mesura::app {

const char* const kSimulateHelp =
    "Runs virtual devices that speak as the real ones do.\n"
    "\n"
    "Usage: mesura simulate PLUGIN WHERE [OPTIONS] [the device's own options]\n"
    "\n"
    "WHERE (one or more)\n"
    "  --listen ADDRESS        serve all its fixed ports on this address of its own, e.g. 127.0.0.2\n"
    "  --LINK-port N           with it: another port for one of its links, e.g. --http-port 8080\n"
    "  --unicast               with it: do not hear broadcasts\n"
    "  --listen tcp:HOST:PORT  serve its first link over TCP; PORT 0 takes a free one and prints it\n"
    "  --pty PATH[?baud=N]     serve on a pseudo-terminal; PATH becomes a symbolic link to it; who reads at another "
    "rate\n"
    "                          than N gets garbage\n"
    "  --hid PATH              serve as a HID device on a Unix socket: one message is one report\n"
    "  --output FILE           write the bytes to FILE (- for standard output) as fast as possible\n"
    "  --capture FILE          the same as a capture, each piece with the virtual clock's time: for `mesura replay` "
    "and\n"
    "                          for transport `replay`\n"
    "\n"
    "OPTIONS\n"
    "  --count N               so many devices: addresses, ports and paths count up from the first\n"
    "  --speed N               virtual seconds per second (default 1; max with --output and --capture)\n"
    "  --start TIME            the virtual clock's start, e.g. 2024-02-12T17:00:00Z (default now)\n"
    "  --log FILE              what was sent, as JSON lines\n"
    "  --control               take commands from standard input: [UNIT] COMMAND [NAME=VALUE ...], e.g. `2 get`;\n"
    "                          each is answered by a JSON line\n"
    "  -v, --plugin-path DIR   as for every verb\n";

namespace {

double parse_speed(const std::string& text) {
  if (text == "max") return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > 0) || value > 1e6)
    throw Usage(fmt::format("--speed: expected a number above 0, or max; got '{}'", text));
  return value;
}

std::uint32_t parse_count(const std::string& text) {
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 1 || count > 10'000)
    throw Usage(fmt::format("--count: expected 1 to 10000, got '{}'", text));
  return count;
}

SimulatePlace listen_place(const std::string& where) {
  if (where.rfind("tcp:", 0) == 0) return {"tcp_listen", where.substr(4)};
  if (where.find(':') != std::string::npos || where.find('.') == std::string::npos)
    throw Usage(fmt::format("--listen: expected an IPv4 address or tcp:HOST:PORT, got '{}'", where));
  return {"address", where};
}

class Parser {
 public:
  Parser(const std::vector<std::string>& words, Common& common) : words_(words), common_(common) {}

  SimulateArguments run() {
    for (at_ = 0; at_ < words_.size(); ++at_) word();
    return std::move(a_);
  }

 private:
  void word() {
    const std::string& word = words_[at_];
    if (word == "--help" || word == "-h") {
      a_.help = true;
    } else if (word == "-v" || word == "--verbose") {
      ++common_.verbose;
    } else if (word == "--control") {
      a_.control = true;
    } else if (word == "--unicast") {
      a_.broadcast = false;
    } else if (word.rfind("--", 0) == 0) {
      option(word);
    } else if (a_.plugin.empty()) {
      a_.plugin = word;
    } else {
      throw Usage(fmt::format("expected one plugin and options that begin with --, got '{}'", word));
    }
  }

  void option(std::string name) {
    std::optional<std::string> value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (at_ + 1 < words_.size() && words_[at_ + 1].rfind("--", 0) != 0) {
      value = words_[++at_];
    }
    const auto needed = [&]() -> const std::string& {
      if (!value || value->empty()) throw Usage(fmt::format("{}: expected a value", name));
      return *value;
    };
    if (name == "--listen") {
      a_.places.push_back(listen_place(needed()));
    } else if (name == "--pty") {
      a_.places.push_back({"pty", needed()});
    } else if (name == "--hid") {
      a_.places.push_back({"seqpacket_listen", needed()});
    } else if (name == "--output") {
      a_.places.push_back({"file", needed()});
    } else if (name == "--capture") {
      a_.places.push_back({"capture", needed()});
    } else if (name == "--log") {
      a_.log = needed();
    } else if (name == "--count") {
      a_.count = parse_count(needed());
    } else if (name == "--speed") {
      a_.speed = parse_speed(needed());
    } else if (name == "--start") {
      a_.start_ns = runtime::parse_time(needed());
      if (!a_.start_ns)
        throw Usage(fmt::format("--start: expected a time such as 2024-02-12T17:00:00Z, got '{}'", *value));
    } else if (name == "--plugin-path") {
      common_.plugin_path.push_back(needed());
    } else {
      std::string key = name.substr(2);
      std::replace(key.begin(), key.end(), '-', '_');
      a_.device_options.emplace_back(key, value.value_or("true"));
    }
  }

  const std::vector<std::string>& words_;
  Common& common_;
  std::size_t at_ = 0;
  SimulateArguments a_;
};

}  // namespace

SimulateArguments parse_simulate(const std::vector<std::string>& words, Common& common) {
  return Parser{words, common}.run();
}

}  // namespace mesura::app
