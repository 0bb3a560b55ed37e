// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura user and mesura token, on the files of a state directory.
#include <support/catch.hpp>
#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

using namespace mesura::test;

namespace {

Finished mesura(std::vector<std::string> arguments, std::string input = "") {
  arguments.insert(arguments.begin(), MESURA_PROGRAM);
  return run({std::move(arguments), {}, {}, std::move(input)});
}

}  // namespace

TEST_CASE("users are added, listed and removed") {
  const TempDir dir;
  const auto state = (dir / "state").string();
  const auto user = [&](std::vector<std::string> words, const std::string& input = "") {
    words.insert(words.begin(), "user");
    words.insert(words.end(), {"--state", state});
    return mesura(std::move(words), input);
  };
  CHECK(user({"add", "anna", "--role", "control", "--password-stdin"}, "correct horse\n").out ==
        "user anna may control\n");
  CHECK(user({"add", "ben", "--password-stdin"}, "battery staple\n").exit.code == 0);
  const auto list = user({"list", "--format", "json"}).out;
  CHECK_THAT(list,
             contains(R"({"name":"anna","role":"control","created":")") && contains(R"({"name":"ben","role":"read",)"));
  CHECK(list.find("$y$") == std::string::npos);
  const auto again = user({"add", "anna", "--password-stdin"}, "correct horse\n");
  CHECK(again.exit.code == 1);
  CHECK_THAT(again.err, contains("mesura user: error[usr-exists]: ") && contains("hint      --replace"));
  const auto bad = user({"add", "carl", "--password-stdin"}, "secret\n");
  CHECK_THAT(bad.err, contains("error[usr-password]"));
  CHECK(bad.err.find("secret") == std::string::npos);
  CHECK(user({"del", "ben"}).exit.code == 0);
  CHECK(user({"list", "--format", "json"}).out.find("ben") == std::string::npos);
  CHECK_THAT(user({"del", "ben"}).err, contains("error[usr-unknown]") && contains("anna"));
  CHECK(mesura({"user", "add"}).exit.code == 2);
  CHECK(user({"add", "anna", "--role", "owner", "--password-stdin"}, "x").exit.code == 2);
}

TEST_CASE("a token is shown once and then only known by its name") {
  const TempDir dir;
  const auto state = (dir / "state").string();
  const auto made = mesura({"token", "add", "grafana", "--expires", "30d", "--state", state});
  CHECK(made.exit.code == 0);
  // Alone on standard output, for scripts.
  CHECK(made.out.size() == 51);
  CHECK(made.out.starts_with("mesura_"));
  const auto list = mesura({"token", "list", "--state", state}).out;
  CHECK_THAT(list, contains("grafana"));
  CHECK(list.find(made.out.substr(0, 20)) == std::string::npos);
  struct stat info {};
  REQUIRE(::stat((dir.path() / "state" / "tokens").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600U);
  CHECK(mesura({"token", "revoke", "grafana", "--state", state}).out == "token grafana is revoked\n");
  CHECK(mesura({"token", "revoke", "grafana", "--state", state}).exit.code == 1);
}
