// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/reader.hpp"

#include "fake_catalog.hpp"

#include "support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace mesura::config;

namespace {

std::string all(const Reading& reading) {
  std::string out;
  for (const auto& d : reading.diagnostics.list()) out += render_text(d);
  return out;
}

/// The only member's value of `k: YAML` read as that schema.
Reading one(const Schema& schema, const std::string& yaml) {
  ReadOptions options;
  options.environment = fake::environment();
  return read_text("k: " + yaml, object({optional("k", schema)}), options);
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mesura-config-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("each type becomes its value") {
  CHECK(one(boolean(""), "true").value["k"].boolean());
  CHECK(one(integer("", -5, 5), "-5").value["k"].integer() == -5);
  CHECK(one(number(""), "1.25e2").value["k"].number() == 125.0);
  CHECK(one(number(""), "-3").value["k"].number() == -3.0);
  CHECK(one(number(""), ".5").value["k"].number() == 0.5);
  CHECK(one(text(""), "yes").value["k"].text() == "yes");
  CHECK(one(text(""), "010").value["k"].text() == "010");
  CHECK(one(text(""), "' '").value["k"].text() == " ");
  CHECK(one(duration(""), "1h30m").value["k"].duration() == std::chrono::minutes{90});
  CHECK(one(size(""), "1MiB").value["k"].integer() == 1'048'576);
  CHECK(one(of(Type::zone, ""), "Europe/Brussels").value["k"].text() == "Europe/Brussels");
  CHECK(one(of(Type::rate, ""), "auto").value["k"].text() == "auto");
  CHECK(one(of(Type::rate, ""), "9600").value["k"].integer() == 9600);
  CHECK(one(of(Type::port, ""), "65535").value["k"].integer() == 65535);
  CHECK(one(list(integer(""), "", true), "3").value["k"].list().size() == 1);
  CHECK(one(list(integer(""), ""), "[3, 4]").value["k"].list()[1].integer() == 4);
  CHECK(one(map(integer(""), ""), "{b: 1, a: 2}").value["k"].map()[0].first == "b");
  CHECK(one(one_of({optional("x", text(""))}, ""), "{x: y}").value["k"].chosen().second.text() == "y");
  CHECK(one(of(Type::any, ""), "{a: [1, '2', b c], d: ~}").value["k"].text() == R"({a: [1, "2", "b c"], d: ~})");
}

TEST_CASE("defaults fill in, at the place of what lacks them") {
  const Schema schema =
      object({optional("outer", object({optional("inner", duration(""), "10s"), optional("absent", text(""))}), "{}")});
  const Reading written = read_text("\nouter: {}\n", schema);
  CHECK(written.value["outer"]["inner"].duration() == std::chrono::seconds{10});
  CHECK(written.value["outer"]["inner"].defaulted);
  CHECK_FALSE(written.value["outer"].defaulted);
  CHECK(written.value["outer"]["inner"].mark.line == 2);
  CHECK_FALSE(written.value["outer"]["absent"]);
  CHECK(read_text("{}", schema).value["outer"]["inner"].integer() == 10'000'000'000);
  CHECK(default_value(schema)["outer"].defaulted);
  CHECK(default_value(schema) == written.value);
}

TEST_CASE("a schema with an impossible default is our own mistake") {
  CHECK_THROWS_AS(read_text("{}", object({optional("a", integer(""), "x")})), std::logic_error);
  CHECK_THROWS_AS(default_value(object({required("a", text(""))})), std::logic_error);
  CHECK_THROWS_AS(duration("", "10"), std::logic_error);
}

TEST_CASE("asking a value for another type is our own mistake") {
  const Value v = one(integer(""), "3").value["k"];
  CHECK_THROWS_AS(v.text(), std::logic_error);
  CHECK_THROWS_AS(v.boolean(), std::logic_error);
  CHECK_THROWS_AS(v["x"], std::logic_error);
  CHECK_THROWS_AS(Value{}.integer(), std::logic_error);
  CHECK_FALSE(Value{}["x"]["y"]);
}

TEST_CASE("marks count characters and stand at the key where there is no value") {
  const Schema schema = object({optional("é", object({optional("b", text("")), optional("c", text(""))}))});
  const Reading reading = read_text("é: {b: ü, c: x}\n", schema);
  CHECK(reading.ok());
  CHECK(reading.value["é"]["c"].mark.line == 1);
  CHECK(reading.value["é"]["c"].mark.column == 14);
  CHECK(reading.value["é"]["c"].key_mark.column == 11);
  const Reading alias = read_text("é: {b: &a x,\n   c: *a}\n", schema);
  CHECK(alias.value["é"]["c"].text() == "x");
  CHECK(alias.value["é"]["c"].mark.line == 2);
  CHECK(alias.value["é"]["c"].mark.column == 4);
}

TEST_CASE("columns are right in one long line, too") {
  std::string yaml = "{";
  for (int i = 0; i < 300; ++i) yaml += "k" + std::to_string(i) + ": 'é', ";
  const std::size_t characters = yaml.size() - 300;
  const Reading reading = read_text(yaml + "last: 1}", map(text(""), ""));
  REQUIRE(reading.ok());
  CHECK(reading.value["last"].key_mark.line == 1);
  CHECK(reading.value["last"].key_mark.column == static_cast<int>(characters) + 1);
}

TEST_CASE("control characters reach neither a path nor a terminal") {
  CHECK_FALSE(one(of(Type::path, ""), R"("a\0b")").ok());
  CHECK_FALSE(one(of(Type::path, ""), R"("a\nb")").ok());
  const Reading key = read_text(R"("\x1b[31m": 1)", object({}));
  CHECK(all(key).find('\x1b') == std::string::npos);
  CHECK(all(key).find("got       \\x1b[31m") != std::string::npos);
  ReadOptions options;
  options.environment = [](const std::string&) { return "caf\xE9"; };
  CHECK(all(read_text("k: ${V}", object({optional("k", text(""))}), options)) ==
        "error[cfg-encoding]: 'k' comes from elsewhere and is no text\n"
        "  expected  UTF-8 without control characters\n"
        "  got       '${V}'\n");
}

TEST_CASE("variables are replaced in any scalar") {
  CHECK(one(of(Type::host, ""), "${METER_HOST}").value["k"].text() == "p1.example");
  CHECK(one(of(Type::port, ""), "\"${PORT}\"").value["k"].integer() == 2001);
  CHECK(one(text(""), "a${PORT}b${NONE:-c}d").value["k"].text() == "a2001bcd");
  CHECK(one(text(""), "${EMPTY:-x}").value["k"].text() == "x");
  CHECK(one(text(""), "x${NONE:-}").value["k"].text() == "x");
  CHECK(one(text(""), "$${PORT} $PORT $$").value["k"].text() == "${PORT} $PORT $$");
  CHECK(one(duration(""), "${PORT}ms").value["k"].integer() == 2'001'000'000);
}

TEST_CASE("secrets come from secrets.yaml, the environment and files, and are marked") {
  const TemporaryDirectory directory;
  directory.write("secrets.yaml", "upper: not-this\nkey: from-the-top\n");
  directory.write("house/token.txt", "in-a-file\r\n");
  const Schema schema = object({optional("a", secret("")), optional("b", secret("")), optional("c", secret("")),
                                optional("d", text("")), optional("e", secret(""))});
  directory.write("house/house.yaml",
                  "a: !secret key\nb: file:token.txt\nc: ${NO_SUCH_VARIABLE_HERE:-plain}\nd: !secret key\ne: 'file:" +
                      (directory.path() / "house/token.txt").string() + "'\n");
  const Reading reading = read_file((directory.path() / "house/house.yaml").string(), schema);
  CHECK(all(reading) == "");
  CHECK(reading.value["a"].text() == "from-the-top");
  CHECK(reading.value["b"].text() == "in-a-file");
  CHECK(reading.value["c"].text() == "plain");
  CHECK(reading.value["e"].text() == "in-a-file");
  for (const char* key : {"a", "b", "c", "d", "e"}) CHECK(reading.value[key].secret);

  // The file beside the configuration goes before the one above.
  directory.write("house/secrets.yaml", "key: from-beside\n");
  CHECK(read_file((directory.path() / "house/house.yaml").string(), schema).value["a"].text() == "from-beside");
}

TEST_CASE("a broken secrets.yaml is reported once and gives nothing away") {
  const TemporaryDirectory directory;
  ReadOptions options;
  options.file = "house.yaml";
  options.directory = directory.path();
  const Schema schema = object({optional("a", secret("")), optional("b", secret(""))});
  const std::string yaml = "a: !secret one\nb: !secret two\n";

  for (const std::string broken : {"one: 'hunter2\n", "one: hunter2: x\n", "- hunter2\n", "one: [hunter2]\n",
                                   "one: hunter2\none: hunter2\n", "one: *hunter2\n", "one: hunter2\xFF\n"}) {
    INFO(broken);
    directory.write("secrets.yaml", broken);
    const Reading reading = read_text(yaml, schema, options);
    CHECK_FALSE(reading.ok());
    CHECK(all(reading).find("hunter2") == std::string::npos);
    CHECK(all(reading).find("secrets.yaml") != std::string::npos);
  }
}

TEST_CASE("no message holds a secret") {
  const TemporaryDirectory directory;
  directory.write("secrets.yaml", "s: hunter2\n");
  ReadOptions options;
  options.directory = directory.path();
  options.environment = [](const std::string&) { return "hunter2"; };
  for (const Schema& schema : {boolean(""), integer(""), number(""), enumeration({"hunter3"}, ""), duration(""),
                               size(""), of(Type::zone, ""), of(Type::port, ""), of(Type::address, ""),
                               of(Type::url, ""), of(Type::rate, ""), object({}), list(object({}), "")}) {
    for (const char* yaml : {"k: !secret s", "k: ${V}", "k: 'a${V}'"}) {
      INFO(expectation(schema) << " " << yaml);
      const Reading reading = read_text(yaml, object({optional("k", schema)}), options);
      CHECK_FALSE(reading.ok());
      CHECK(all(reading).find("hunter2") == std::string::npos);
    }
  }
  Schema key = secret("");
  key.format = "hex32";
  for (const char* yaml : {"k: hunter2", "k: [hunter2]", "k: {hunter2: x}", "k: !tag hunter2", "k: 'file:/hunter3'"}) {
    INFO(yaml);
    const Reading reading = read_text(yaml, object({optional("k", key)}), options);
    CHECK_FALSE(reading.ok());
    CHECK(all(reading).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("files that can't be read say why") {
  const TemporaryDirectory directory;
  const auto reading = read_file((directory.path() / "none.yaml").string(), object({}));
  REQUIRE(reading.diagnostics.list().size() == 1);
  CHECK(reading.diagnostics.list()[0].code == "cfg-file");
  CHECK(reading.diagnostics.list()[0].message == "can't be read: No such file or directory");
  CHECK(read_file(directory.path().string(), object({})).diagnostics.list()[0].message ==
        "can't be read: it is a directory");
}

TEST_CASE("reading ends at the 200th error") {
  std::string yaml;
  for (int i = 0; i < 1000; ++i) yaml += "k" + std::to_string(i) + ": 1\n";
  const Reading reading = read_text(yaml, object({}));
  CHECK(reading.diagnostics.list().size() == 201);
  CHECK(reading.diagnostics.list().front().code == "cfg-too-many");
}

TEST_CASE("nesting and cycles are bounded") {
  const Schema schema = object({optional("a", of(Type::any, "")), optional("l", list(list(text(""), ""), ""))});
  CHECK_FALSE(read_text("a: " + std::string(100, '[') + std::string(100, ']'), schema).ok());
  CHECK_FALSE(read_text("a: " + std::string(100'000, '['), schema).ok());
  CHECK_FALSE(read_text("a: &x [*x]", schema).ok());
  CHECK_FALSE(read_text("l: &x [*x]", schema).ok());
  CHECK_FALSE(read_text("a: &x {b: *x}", schema).ok());
}

TEST_CASE("texts that begin like no YAML are refused") {
  for (const char* yaml : {", a", "a: 1\n, b", "}", "] x", ": ,", "a: 1\n---\n", "a: 1\n...\nb"}) {
    INFO(yaml);
    CHECK_FALSE(read_text(yaml, object({optional("a", integer(""))})).ok());
  }
  CHECK(read_text("---\na: 1\n...\n", object({optional("a", integer(""))})).ok());
}

TEST_CASE("a too large text is refused before it is parsed") {
  const Reading reading = read_text(std::string((16U << 20U) + 1, ' '), object({}));
  REQUIRE(reading.diagnostics.list().size() == 1);
  CHECK(reading.diagnostics.list()[0].code == "cfg-too-large");
}

TEST_CASE("arguments of a command line are options, too") {
  const Schema schema = object({optional("n", integer("")), optional("t", text("")),
                                optional("l", list(text(""), "", true)), optional("m", map(text(""), ""))});
  const Reading good = read_pairs({{"n", "3"}, {"t", "a: b # c"}, {"l", "v,i"}, {"m", "{\"1\": day}"}}, schema);
  CHECK(all(good) == "");
  CHECK(good.value["n"].integer() == 3);
  CHECK(good.value["t"].text() == "a: b # c");
  CHECK(good.value["l"].list()[0].text() == "v,i");
  CHECK(good.value["m"]["1"].text() == "day");
  CHECK(all(read_pairs({{"x", "3"}}, schema)) ==
        "error[cfg-unknown-key]: unknown key 'x' at the top level\n  expected  n, t, l, m\n  got       x\n");
  CHECK_FALSE(read_pairs({{"l", "[a"}}, schema).ok());
  CHECK_FALSE(read_pairs({{"t", ""}}, schema).ok());
  CHECK_FALSE(read_pairs({{"n", "1"}, {"n", "2"}}, schema).ok());
}

TEST_CASE("diagnostics as JSON carry the same fields") {
  const Diagnostic d{Severity::warning, "cfg-x", "a\"b.yaml", {3, 4}, "line\nbreak", "", "g", "h"};
  CHECK(
      render_json(d) ==
      R"({"severity":"warn","code":"cfg-x","file":"a\"b.yaml","line":3,"column":4,"message":"line\nbreak","got":"g","hint":"h"})");
  CHECK(render_text({Severity::error, "cfg-y", "", {}, "m", "", "", ""}) == "error[cfg-y]: m\n");
}
