#include "net/request_body.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "net/settings.h"

using uwsgiref::net::FileDescriptor;
using uwsgiref::net::kBodyInMemory;
using uwsgiref::net::RequestBody;

namespace {

std::string content_of(RequestBody& body) {
  CHECK(body.finish() == 0);
  if (!body.in_file()) return std::string(body.in_memory());
  FileDescriptor file(body.take_file());
  std::string content(body.size() + 1, '\0');
  content.resize(static_cast<size_t>(pread(file.get(), content.data(), content.size(), 0)));
  return content;
}

/// TMPDIR for the length of a test.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const char* path) { setenv("TMPDIR", path, 1); }
  ~TemporaryDirectory() { unsetenv("TMPDIR"); }
};

}  // namespace

TEST_CASE("a body stays in memory up to the bound, and goes to a file beyond it") {
  std::string whole(kBodyInMemory + 1, 'x');
  for (size_t i = 0; i < whole.size(); i++) whole[i] = static_cast<char>('a' + i % 23);
  for (size_t piece : {whole.size(), size_t{65'536}, size_t{100'001}}) {
    RequestBody body;
    for (size_t at = 0; at < kBodyInMemory; at += piece) {
      CHECK(body.append(std::string_view(whole).substr(at, std::min(piece, kBodyInMemory - at))) == 0);
    }
    CHECK(!body.in_file());
    CHECK(body.in_memory().size() == kBodyInMemory);
    CHECK(body.append(whole.substr(kBodyInMemory)) == 0);
    CHECK(body.in_file());
    CHECK(body.in_memory().empty());
    CHECK(body.size() == whole.size());
    CHECK(content_of(body) == whole);
  }
}

TEST_CASE("small pieces and large ones keep their order in the file") {
  std::string whole;
  RequestBody body;
  for (size_t round = 0; whole.size() < 2 * kBodyInMemory; round++) {
    std::string piece(round % 7 == 0 ? 40'000 : round % 100, static_cast<char>('a' + round % 23));
    whole += piece;
    CHECK(body.append(piece) == 0);
  }
  CHECK(body.in_file());
  CHECK(body.in_memory().empty());
  CHECK(content_of(body) == whole);
}

TEST_CASE("pieces of a byte are not written one by one") {
  RequestBody body;
  CHECK(body.append(std::string(kBodyInMemory + 1, 'x')) == 0);
  for (int i = 0; i < 1000; i++) CHECK(body.append("y") == 0);
  FileDescriptor file(body.take_file());
  struct stat status;
  REQUIRE(fstat(file.get(), &status) == 0);
  CHECK(status.st_size == kBodyInMemory + 1);
}

TEST_CASE("an empty body is empty") {
  RequestBody body;
  CHECK(body.append("") == 0);
  CHECK(body.size() == 0);
  CHECK(content_of(body).empty());
}

TEST_CASE("the file has no name") {
  char path[] = "/tmp/uwsgiref-test-XXXXXX";
  REQUIRE(mkdtemp(path));
  {
    TemporaryDirectory directory(path);
    RequestBody body;
    CHECK(body.append(std::string(kBodyInMemory + 1, 'x')) == 0);
    CHECK(body.in_file());
    CHECK(std::filesystem::is_empty(path));
  }
  std::filesystem::remove(path);
}

TEST_CASE("a directory that is not there is reported") {
  TemporaryDirectory directory("/nonexistent");
  RequestBody body;
  CHECK(body.append(std::string(kBodyInMemory + 1, 'x')) == ENOENT);
}
