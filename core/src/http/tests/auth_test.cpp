// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Users, tokens, sessions: who gets in, who does not, and what is told about it.
#include "http/auth/accounts.hpp"
#include "http/auth/authenticator.hpp"
#include "http/auth/password.hpp"
#include "http/auth/sessions.hpp"
#include "http/auth/throttle.hpp"
#include "http/peer.hpp"
#include "rig.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace mesura;
using namespace mesura::test;
using http::AccountFiles;
using http::Request;
using http::Role;
using http::Route;
using std::chrono::seconds;

constexpr unsigned kCheap = 1;  // yescrypt's least cost

std::string content(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A server that wants a login, with anna (control) and ben (read).
struct LoginRig {
  TempDir dir;
  AccountFiles files{dir.path()};
  LogLines log;  // of the authenticator
  std::shared_ptr<http::Authenticator> authenticator;
  std::unique_ptr<Rig> rig;

  explicit LoginRig(Role anonymous = Role::none, http::AuthenticatorOptions options = {}) {
    files.add_user("anna", Role::control, "correct horse", false, kCheap);
    files.add_user("ben", Role::read, "battery staple", false, kCheap);
    options.directory = dir.path();
    authenticator = std::make_shared<http::Authenticator>(options, log.logger());
    auto routes = authenticator->routes();
    routes.push_back(route("GET", "/who", [](const Request& r) { return text_response(r.principal.name); }));
    routes.push_back(route(
        "POST", "/do", [](const Request& r) { return text_response("done by " + r.principal.name); },
        Route::Run::worker, Role::control));
    routes.push_back(route(
        "GET", "/open", [](const Request&) { return text_response("open"); }, Route::Run::front, Role::none));
    http::ListenerOptions listener;
    listener.anonymous = anonymous;
    rig = std::make_unique<Rig>(std::move(routes), http::ServerOptions{}, listener, authenticator);
  }
  [[nodiscard]] Client connect() const { return rig->connect(); }
};

std::string login_body(const std::string& user, const std::string& password) {
  return R"({"user":")" + user + R"(","password":")" + password + "\"}";
}

const std::string kSame = "Sec-Fetch-Site: same-origin\r\n";

/// "mesura_session=..." out of Set-Cookie.
std::string cookie_of(const Reply& reply) {
  const auto line = reply.header("Set-Cookie");
  return "Cookie: theme=dark; " + line.substr(0, line.find(';')) + "\r\n";
}

// printf 'anna:correct horse' | base64, and so on
const std::string kAnna = "Authorization: Basic YW5uYTpjb3JyZWN0IGhvcnNl\r\n";
const std::string kAnnaWrong = "Authorization: Basic YW5uYTp3cm9uZyBob3JzZQ==\r\n";

}  // namespace

TEST_CASE("passwords are stored as yescrypt") {
  const auto hash = http::hash_password("correct horse", kCheap);
  CHECK(hash.starts_with("$y$"));
  CHECK(http::hash_password("correct horse", kCheap) != hash);
  CHECK(http::verify_password("correct horse", hash));
  CHECK_FALSE(http::verify_password("correct horsE", hash));
  CHECK_FALSE(http::verify_password("", hash));
  CHECK_FALSE(http::verify_password("correct horse", ""));
  CHECK_FALSE(http::verify_password("correct horse", "*0"));
  CHECK_FALSE(http::verify_password(std::string("correct horse\0x", 15), hash));
  CHECK_FALSE(http::verify_password(std::string(100'000, 'x'), hash));
  // A known answer, as mkpasswd -m yescrypt and /etc/shadow have them.
  CHECK(http::sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(http::random_secret().size() == 43);
  CHECK(http::random_secret() != http::random_secret());
}

TEST_CASE("account files are the owner's alone and say what is wrong with them") {
  const TempDir dir;
  AccountFiles files{dir.path()};
  CHECK(files.users().empty());
  CHECK(files.tokens().empty());
  files.add_user("anna", Role::control, "correct horse", false, kCheap);
  CHECK_THROWS_WITH(files.add_user("anna", Role::read, "correct horse", false, kCheap), contains("usr-exists"));
  files.add_user("anna", Role::read, "another horse", true, kCheap);
  REQUIRE(files.users().size() == 1);
  CHECK(files.users()[0].role == Role::read);
  CHECK(http::verify_password("another horse", files.users()[0].hash));
  CHECK_THROWS_WITH(files.add_user("b c", Role::read, "correct horse", false), contains("usr-name"));
  CHECK_THROWS_WITH(files.add_user("", Role::read, "correct horse", false), contains("usr-name"));
  CHECK_THROWS_WITH(files.add_user("ben", Role::read, "short", false), contains("usr-password"));
  CHECK_THROWS_WITH(files.remove_user("ben"), contains("usr-unknown") && contains("anna"));

  const auto token = files.add_token("grafana", Role::read, std::nullopt);
  CHECK(token.size() == 50);
  CHECK(content(dir / "tokens").find(token) == std::string::npos);
  CHECK(content(dir / "tokens").find(http::sha256_hex(token)) != std::string::npos);
  CHECK_THROWS_WITH(files.add_token("grafana", Role::read, std::nullopt), contains("usr-exists"));
  for (const auto* name : {"users", "tokens"}) {
    struct stat info {};
    REQUIRE(::stat((dir / name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
  }
  files.remove_token("grafana");
  files.remove_user("anna");
  CHECK(files.users().empty());
  std::ofstream{dir / "users"} << "# a comment\nanna control\n";
  CHECK_THROWS_WITH(files.users(), contains("usr-file") && contains("users:2"));
}

TEST_CASE("nobody gets in without login where one is required") {
  const LoginRig rig;
  auto client = rig.connect();
  const auto refused = client.get("/who");
  CHECK(refused.status == 401);
  CHECK(refused.header("WWW-Authenticate") == "Bearer realm=\"mesura\"");
  CHECK_THAT(refused.head, contains("WWW-Authenticate: Basic realm=\"mesura\""));
  // A page's own request must not open the browser's password box.
  CHECK(client.get("/who", "Sec-Fetch-Mode: cors\r\n").head.find("Basic") == std::string::npos);
  CHECK(client.get("/open").body == "open");
  CHECK(client.get("/who", "Authorization: Nonsense\r\n").status == 401);
  CHECK(client.get("/who", "Authorization: Basic !!!\r\n").status == 401);
  CHECK(client.get("/who", "Authorization: Bearer mesura_wrong\r\n").status == 401);
  CHECK(client.get("/who", "Cookie: mesura_session=wrong\r\n").status == 401);
}

TEST_CASE("tokens by name, role and end") {
  LoginRig rig;
  const auto reader = "Authorization: Bearer " + rig.files.add_token("grafana", Role::read, std::nullopt) + "\r\n";
  const auto control = "Authorization: Bearer " + rig.files.add_token("script", Role::control, std::nullopt) + "\r\n";
  const auto old = "Authorization: Bearer " + rig.files.add_token("old", Role::control, 1'000'000'000) + "\r\n";
  auto client = rig.connect();
  CHECK(client.get("/who", reader).body == "grafana");
  CHECK(client.post("/do", "", reader).status == 403);
  CHECK(client.post("/do", "", control).body == "done by script");
  CHECK(client.post("/do", "", control + "Origin: http://elsewhere\r\n").status == 200);
  CHECK(client.get("/who", old).status == 401);
  rig.files.remove_token("grafana");
  CHECK(eventually([&] { return client.get("/who", reader).status == 401; }));
  CHECK_THAT(rig.rig->log.text(), contains("POST /do 200") && contains(" script"));
  CHECK(rig.rig->log.text().find("Bearer") == std::string::npos);
}

TEST_CASE("names and passwords with each request") {
  const LoginRig rig;
  auto client = rig.connect();
  CHECK(client.get("/who", kAnna).body == "anna");
  CHECK(client.post("/do", "", kAnna).body == "done by anna");
  CHECK(client.get("/who", kAnnaWrong).status == 401);
  // Browsers remember passwords and send them for any page that asks.
  CHECK(client.post("/do", "", kAnna + "Origin: http://elsewhere\r\n").status == 403);
  // One right and one wrong: the three others were remembered, not hashed.
  const auto log = rig.log.text();
  CHECK_THAT(log, contains("info http-login: login done: user 'anna' from 127.0.0.1") &&
                      contains("login refused: user 'anna'"));
  CHECK(log.find("login done") == log.rfind("login done"));
  CHECK(log.find("horse") == std::string::npos);
}

TEST_CASE("a login makes a session, until the logout") {
  const LoginRig rig;
  auto client = rig.connect();
  const auto wrong = client.post("/api/v1/login", login_body("anna", "wrong horse"));
  CHECK(wrong.status == 401);
  CHECK(wrong.header("Set-Cookie").empty());
  CHECK(client.post("/api/v1/login", login_body("nobody", "correct horse")).status == 401);
  CHECK(client.post("/api/v1/login", "{}").status == 400);
  CHECK(client.post("/api/v1/login", "rubbish").status == 400);
  CHECK(
      rig.connect().post("/api/v1/login", login_body("anna", "correct horse"), "Origin: http://elsewhere\r\n").status ==
      403);
  const auto login = client.post("/api/v1/login", login_body("anna", "correct horse"));
  CHECK(login.status == 200);
  CHECK(login.body == "{\"user\":\"anna\",\"role\":\"control\"}\n");
  CHECK_THAT(login.header("Set-Cookie"), contains("; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"));
  const auto cookie = cookie_of(login);
  CHECK(client.get("/who", cookie).body == "anna");
  CHECK(client.get("/api/v1/session", cookie).body == login.body);
  CHECK(client.get("/api/v1/session").body == "{\"user\":null,\"role\":\"none\"}\n");
  CHECK(client.post("/do", "", cookie).status == 403);  // no page of ours says that it asks
  CHECK(client.post("/do", "", cookie + "Origin: http://elsewhere\r\n").status == 403);
  CHECK(client.post("/do", "", cookie + "Sec-Fetch-Site: cross-site\r\n").status == 403);
  CHECK(client.post("/do", "", cookie + "Origin: http://localhost\r\n").body == "done by anna");
  CHECK(client.post("/do", "", cookie + kSame).body == "done by anna");
  CHECK(client.post("/api/v1/logout", "", cookie + kSame).status == 200);
  CHECK(client.get("/who", cookie).status == 401);
  for (const auto* secret : {"horse", "mesura_session="}) {
    CHECK(rig.log.text().find(secret) == std::string::npos);
    CHECK(rig.rig->log.text().find(secret) == std::string::npos);
  }
}

TEST_CASE("a changed password or a removed user ends the sessions") {
  LoginRig rig;
  auto client = rig.connect();
  const auto anna = cookie_of(client.post("/api/v1/login", login_body("anna", "correct horse")));
  const auto ben = cookie_of(client.post("/api/v1/login", login_body("ben", "battery staple")));
  CHECK(client.get("/who", anna).body == "anna");
  CHECK(client.get("/who", ben).body == "ben");
  rig.files.add_user("anna", Role::control, "another horse", true, kCheap);
  rig.files.remove_user("ben");
  CHECK(eventually([&] { return client.get("/who", anna).status == 401; }));
  CHECK(client.get("/who", ben).status == 401);
}

TEST_CASE("reading without login, controlling with") {
  const LoginRig rig{Role::read};
  auto client = rig.connect();
  CHECK(client.get("/who").status == 200);
  CHECK(client.post("/do", "").status == 401);
  CHECK(client.post("/do", "", kAnna).status == 200);
}

TEST_CASE("wrong passwords cost more and more time, right tokens none") {
  http::AuthenticatorOptions options;
  options.free_failures = 2;
  options.first_delay = seconds{60};
  LoginRig rig{Role::none, options};
  const auto token = "Authorization: Bearer " + rig.files.add_token("script", Role::read, std::nullopt) + "\r\n";
  auto client = rig.connect();
  for (int i = 0; i < 3; ++i) CHECK(client.post("/api/v1/login", login_body("anna", "wrong horse")).status == 401);
  const auto refused = client.post("/api/v1/login", login_body("anna", "correct horse"));
  CHECK(refused.status == 429);
  CHECK(std::stoi(refused.header("Retry-After")) > 30);
  CHECK(client.get("/who", kAnna).status == 429);
  CHECK(client.get("/who", token).body == "script");
  CHECK_THAT(rig.log.text(), contains("login throttled: user 'anna' from 127.0.0.1"));
}

TEST_CASE("an IPv6 network counts as one client") {
  CHECK(http::client_key("2001:db8:1:2:3:4:5:6") == http::client_key("2001:db8:1:2::9"));
  CHECK(http::client_key("2001:db8:1:2::9") != http::client_key("2001:db8:1:3::9"));
  CHECK(http::client_key("::1") == "::1");
  CHECK(http::client_key("192.168.0.7") == "192.168.0.7");
}

TEST_CASE("delays double up to the longest, and a right password ends them") {
  http::Throttle throttle{3, seconds{1}, seconds{10}};
  std::int64_t now = 1'000'000'000'000;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 9; ++i) {
    throttle.failed("a", now);
    waits.push_back(throttle.wait("a", now).count() / 1'000'000'000);
  }
  CHECK(waits == std::vector<std::int64_t>{0, 0, 0, 1, 2, 4, 8, 10, 10});
  CHECK(throttle.wait("b", now).count() == 0);
  CHECK(throttle.wait("a", now + 10'000'000'000).count() == 0);
  throttle.succeeded("a");
  CHECK(throttle.wait("a", now).count() == 0);
  for (int i = 0; i < 10'000; ++i) throttle.failed(std::to_string(i), ++now);
  CHECK(throttle.size() <= 4096);
}

TEST_CASE("sessions end when not used, when old, and when there are too many") {
  http::Sessions sessions{seconds{10}, seconds{30}, 8};
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto first = sessions.open("anna", "h", 0);
  CHECK(sessions.find(first, 9 * kSecond) != nullptr);
  CHECK(sessions.find(first, 18 * kSecond) != nullptr);
  CHECK(sessions.find(first, 27 * kSecond) != nullptr);
  CHECK(sessions.find(first, 31 * kSecond) == nullptr);
  const auto second = sessions.open("anna", "h", 40 * kSecond);
  CHECK(sessions.find(second, 51 * kSecond) == nullptr);
  const auto ben = sessions.open("ben", "h", 60 * kSecond);
  for (int i = 0; i < 20; ++i) static_cast<void>(sessions.open("anna", "h", (61 + i) * kSecond / 10 + 60 * kSecond));
  CHECK(sessions.size() == 3);  // a quarter of eight, and ben's
  CHECK(sessions.find(ben, 62 * kSecond) != nullptr);
  CHECK(sessions.close(ben));
  CHECK_FALSE(sessions.close(ben));
}
