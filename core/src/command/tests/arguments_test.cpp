// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/arguments.hpp"

#include "command/content.hpp"
#include "command/describe.hpp"
#include "config/plugin_schema.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fstream>
#include <string>
#include <vector>

namespace mesura::command {
namespace {

constexpr std::string_view kSchema = R"(
plugin: bench
version: 1.0.0
summary: A bench
links: [{name: data, transports: [tcp]}]
commands:
  set_voltage:
    help: "sets it"
    arguments:
      voltage: {type: number, required: true, min: 48, max: 58.4, unit: V, help: "how much"}
      unit: {type: integer, default: 0, min: 0, max: 9, help: "which"}
      now: {type: bool, default: false, help: "at once"}
  set:
    help: "many"
    arguments:
      force: {type: bool, default: false, help: "even if equal"}
      settings: {type: map, required: true, help: "what"}
  login:
    help: "enters"
    arguments:
      user: {type: text, required: true, max: 5, format: word, help: "who"}
      password: {type: secret, required: true, empty: true, help: "with"}
  factors: {help: "six", arguments: {factors: {type: list, required: true, help: "numbers"}}}
  put: {help: "a file", arguments: {content: {type: file, required: true, max: 10B, help: "file"}, name: {type: text, help: "as"}}}
  upgrade: {help: "a folder", danger: dangerous, arguments: {firmware: {type: tree, required: true, help: "folder"}}}
)";

const config::CommandSpec& command(std::string_view name) {
  static const auto parsed = config::parse_plugin_schema(kSchema, "bench.yaml");
  REQUIRE(parsed.schema);
  for (const auto& c : parsed.schema->commands)
    if (c.name == name) return c;
  throw std::logic_error("no such command");
}

std::string first_problem(const Arguments& arguments) {
  REQUIRE_FALSE(arguments.ok());
  return arguments.diagnostics.list().front().code;
}

std::string json_of(std::string_view name, const Arguments& arguments, bool masked = false) {
  for (const auto& d : arguments.diagnostics.list()) UNSCOPED_INFO(config::render_text(d));
  REQUIRE(arguments.ok());
  std::string out;
  append_json(out, command(name), arguments.values, masked);
  return out;
}

std::string words(std::string_view name, const std::vector<std::string>& list) {
  return json_of(name, read_words(command(name), list));
}

TEST_CASE("words of a command line become arguments", "[command]") {
  const std::string wanted = R"({"voltage":53.5,"unit":2,"now":true})";
  CHECK(words("set_voltage", {"53.5", "2", "now=true"}) == wanted);
  CHECK(words("set_voltage", {"voltage=53.5", "--unit", "2", "--now"}) == wanted);
  CHECK(words("set_voltage", {"--now", "53.5", "2"}) == wanted);
  CHECK(words("set_voltage", {"--unit=2", "--now=true", "--", "53.5"}) == wanted);
  CHECK(words("set_voltage", {"53.5"}) == R"({"voltage":53.5,"unit":0,"now":false})");
  CHECK(words("set", {"unit_name=Kitchen", "ct1_name=", "--force"}) ==
        R"({"force":true,"settings":{"unit_name":"Kitchen","ct1_name":""}})");
  CHECK(words("factors", {"1.01", "0.99", "1"}) == R"({"factors":["1.01","0.99","1"]})");
  CHECK(words("factors", {"1.01,0.99,1"}) == R"({"factors":["1.01","0.99","1"]})");
  CHECK(words("login", {"peter", ""}) == R"({"user":"peter","password":""})");
}

TEST_CASE("wrong words say what is wrong", "[command]") {
  const auto problem = [](std::string_view name, const std::vector<std::string>& list) {
    return first_problem(read_words(command(name), list));
  };
  CHECK(problem("set_voltage", {}) == "cmd-missing");
  CHECK(problem("set_voltage", {"47.9"}) == "cmd-range");
  CHECK(problem("set_voltage", {"fifty"}) == "cmd-type");
  CHECK(problem("set_voltage", {"53", "2", "--now", "more"}) == "cmd-too-many");
  CHECK(problem("set_voltage", {"--voltage"}) == "cmd-value");
  CHECK(problem("set_voltage", {"53", "voltage=54"}) == "cmd-twice");
  CHECK(problem("set_voltage", {"--volts", "53"}) == "cmd-unknown-argument");
  CHECK(problem("set", {"unit_name"}) == "cmd-pair");
  CHECK(problem("set", {"a=1", "a=2"}) == "cmd-twice");
  CHECK(problem("login", {"peterson", "x"}) == "cmd-range");
  CHECK(problem("login", {"p ter", "x"}) == "cmd-format");
  CHECK(problem("login", {"\xC3:", "x"}) == "cmd-text");
  CHECK(problem("login", {"peter", "a\x1b"}) == "cmd-text");
  CHECK(problem("put", {"/nowhere/at/all"}) == "cmd-file");
  CHECK(problem("upgrade", {"/nowhere/at/all"}) == "cmd-file");
  // The hint of a near miss.
  const auto near = read_words(command("set_voltage"), {"--voltgae", "53"});
  CHECK(near.diagnostics.list().front().hint == "did you mean 'voltage'?");
}

TEST_CASE("files, folders and passwords are read where they are named", "[command]") {
  const test::TempDir directory;
  const auto write = [&](const std::string& name, std::string_view text) {
    std::filesystem::create_directories((directory.path() / name).parent_path());
    std::ofstream{directory.path() / name, std::ios::binary} << text;
    return (directory.path() / name).string();
  };
  const auto small = write("small.bin", std::string_view{"\0\xff", 2});
  CHECK(words("put", {small, "as.bin"}) == R"({"content":{"base64":"AP8="},"name":"as.bin"})");
  CHECK(first_problem(read_words(command("put"), {write("large.bin", "12345678901")})) == "cmd-file");
  write("tree/main.py", "a");
  write("tree/lib/drivers/ct6.mpy", "b");
  write("tree/.git/config", "never");
  CHECK(words("upgrade", {(directory.path() / "tree").string()}) ==
        R"({"firmware":{"lib/drivers/ct6.mpy":{"base64":"Yg=="},"main.py":{"base64":"YQ=="}}})");
  CHECK(words("login", {"peter", "@" + write("password.txt", "s3cret\nmore\n")}) ==
        R"({"user":"peter","password":"s3cret"})");
  CHECK(words("set", {"settings=@" + write("settings.yaml", "unit_name: Kitchen\nactive: true\n")}) ==
        R"({"force":false,"settings":{"unit_name":"Kitchen","active":"true"}})");
}

TEST_CASE("JSON arguments are checked the same way, and come out as they went in", "[command]") {
  const auto back = [](std::string_view name, std::string_view json) {
    return json_of(name, read_json(command(name), json));
  };
  CHECK(back("set_voltage", R"({"voltage":53.5,"unit":2,"now":true})") == R"({"voltage":53.5,"unit":2,"now":true})");
  CHECK(back("set_voltage", R"({"voltage":53.5,"unit":null})") == R"({"voltage":53.5,"unit":0,"now":false})");
  CHECK(back("set", R"({"settings":{"ct1_name":"Solar","gain":45000}})") ==
        R"({"force":false,"settings":{"ct1_name":"Solar","gain":"45000"}})");
  CHECK(back("put", R"({"content":{"base64":"AP8="}})") == R"({"content":{"base64":"AP8="}})");
  CHECK(back("put", R"({"content":"abc"})") == R"({"content":{"base64":"YWJj"}})");
  const auto problem = [](std::string_view name, std::string_view json) {
    return first_problem(read_json(command(name), json));
  };
  CHECK(problem("set_voltage", "53.5") == "cmd-json");
  CHECK(problem("set_voltage", "{") == "cmd-json");
  CHECK(problem("set_voltage", "{}") == "cmd-missing");
  CHECK(problem("set_voltage", R"({"voltage":"53.5"})") == "cmd-type");
  CHECK(problem("set_voltage", R"({"voltage":[53.5]})") == "cmd-type");
  CHECK(problem("set_voltage", R"({"voltage":1e308})") == "cmd-range");
  CHECK(problem("set_voltage", R"({"voltage":53,"volts":1})") == "cmd-unknown-argument");
  CHECK(problem("set_voltage", R"({"voltage":53,"voltage":54})") == "cmd-twice");
  CHECK(problem("put", R"({"content":{"base64":"AP8"}})") == "cmd-content");
  CHECK(problem("put", R"({"content":"12345678901"})") == "cmd-range");
  CHECK(problem("upgrade", R"({"firmware":{"a":1}})") == "cmd-content");
  // Nothing is read from this machine on a remote client's word.
  CHECK(back("login", R"({"user":"x","password":"${HOME}"})") == R"({"user":"x","password":"${HOME}"})");
  CHECK(back("login", R"({"user":"x","password":"@/etc/passwd"})") == R"({"user":"x","password":"@/etc/passwd"})");
}

TEST_CASE("what is written down has no secrets and no files", "[command]") {
  const auto login = read_words(command("login"), {"peter", "s3cret"});
  CHECK(json_of("login", login, true) == R"({"user":"peter","password":"***"})");
  const auto put = read_json(command("put"), R"({"content":"abc"})");
  CHECK(json_of("put", put, true) == R"({"content":"3 bytes"})");
  const auto set = read_words(command("set"), {"mqtt_password=s3cret"});
  CHECK(json_of("set", set, true) == R"({"force":false,"settings":{"mqtt_password":"***"}})");
}

TEST_CASE("base64 there and back, and what is none", "[command]") {
  for (const std::string text : {"", "a", "ab", "abc", "abcd"}) CHECK(from_base64(to_base64(text)) == text);
  for (const std::string_view bad : {"a", "ab=", "a===", "ab=c", "a b=", "=aaa"}) CHECK_FALSE(from_base64(bad));
}

TEST_CASE("a command describes itself", "[command]") {
  std::string out;
  append_command(out, command("set_voltage"), Control::off);
  CHECK(out.find(R"("name":"set_voltage")") != std::string::npos);
  CHECK(out.find(R"("allowed":false)") != std::string::npos);
  CHECK(out.find(R"("order":["voltage","unit","now"])") != std::string::npos);
  CHECK(out.find(R"("minimum":48)") != std::string::npos);
  CHECK(out.find("${") == std::string::npos);
  CHECK(usage(command("set")) == "set [--force] KEY=VALUE ...");
}

}  // namespace
}  // namespace mesura::command
