using System.CommandLine;
using System.IO;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Commands;
using RedisClusterOps.Console.Output;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>The command line at hand, to be typed again: what was given, nothing more, and no password.</summary>
public sealed class SameCommandTests
{
    [Theory]
    [InlineData("rco complete --slot 5519", "complete", "--slot", "5519")]
    [InlineData("rco complete --slot 1 2", "complete", "--slot", "1", "--slot", "2")]
    [InlineData("rco complete --slot 1,2 --what-if --json", "complete", "--json", "--slot", "1,2", "--what-if")]
    [InlineData("rco complete --slot 1 --on-key-conflict keepsource --max-keys-per-second 10 --timeout 5s", "complete", "--slot", "1", "--timeout", "5s", "--max-keys-per-second", "10", "--on-key-conflict", "keepsource")]
    [InlineData("rco complete --slot 1 --journal-path '/tmp/it'\\''s $HOME'", "complete", "--slot", "1", "--journal-path", "/tmp/it's $HOME")]
    [InlineData("rco complete --slot 1 --cluster h:1,i:2", "complete", "--slot", "1", "--cluster", "h:1,i:2")]
    [InlineData("rco complete --slot 1 --cluster h:1", "complete", "--slot", "1", "--cluster", "redis://:secret@h:1")]
    [InlineData("rco complete --slot 1 --cluster h:1 --user bob", "complete", "--slot", "1", "--cluster", "redis://bob:secret@h:1")]
    [InlineData("rco complete --slot 1 --cluster h:1 --user bob --use-tls", "complete", "--slot", "1", "--cluster", "h:1,user=bob,password=secret,ssl=true")]
    [InlineData("rco complete --slot 1 --cluster h:1 --user bob", "complete", "--slot", "1", "--cluster", "redis://alice:secret@h:1", "--user", "bob")]
    [InlineData("rco complete --slot 1 --cluster h:1 --use-tls", "complete", "--slot", "1", "--cluster", "rediss://:secret@h:1", "--use-tls")]
    [InlineData("rco complete --slot 1", "complete", "--slot", "1", "--cluster", "redis://:secret@h:99999")]
    [InlineData("rco complete --slot 1 --cluster h:1 --user bob --password-file /run/secret", "complete", "--slot", "1", "--cluster", "h:1", "--user", "bob", "--password-file", "/run/secret")]
    public void It_is_what_was_typed_in_its_own_order_and_can_be_typed_again(string same, params string[] arguments)
    {
        var parsed = Parse(arguments);
        Assert.Empty(parsed.Errors);
        Assert.Equal(same, SameCommand.Of(parsed));
        if (!same.Contains('\''))
            Assert.Equal(same, SameCommand.Of(Parse(same.Split(' ')[1..])));
    }

    [Fact]
    public void One_option_can_be_left_out() => Assert.Equal(
        "rco complete --slot 5519 --cluster h:1", SameCommand.Of(Parse("complete", "--slot", "5519", "--what-if", "--cluster", "h:1"), without: "--what-if"));

    [Fact]
    public void One_option_can_be_replaced() => Assert.Equal(
        "rco complete --slot 2 3 --cluster h:1", SameCommand.Of(Parse("complete", "--slot", "1,2,3", "--cluster", "h:1"), "--slot", "--slot", "2", "3"));

    [Fact]
    public void The_connection_alone_is_the_options_of_which_cluster_and_who() => Assert.Equal(
        "--cluster h:1 --user bob --skip-certificate-check",
        SameCommand.Connection(Parse("complete", "--slot", "1", "--skip-certificate-check", "--cluster", "redis://bob:secret@h:1", "--json")));

    [Theory]
    [InlineData("plain-Word_1./:,+@%", "plain-Word_1./:,+@%")]
    [InlineData("", "''")]
    [InlineData("two words", "'two words'")]
    [InlineData("it's", "'it'\\''s'")]
    [InlineData("$HOME;`id`", "'$HOME;`id`'")]
    [InlineData("*", "'*'")]
    [InlineData("ä", "'ä'")]
    public void A_word_is_quoted_where_a_shell_would_read_something_into_it(string word, string typed) => Assert.Equal(typed, ShellWord.Of(word));

    [Theory]
    [InlineData("redis://u:se@c:ret@h:1", "redis://***@h:1")]
    [InlineData("h:1,password=secret,ssl=true", "h:1,password=***,ssl=true")]
    [InlineData("h:1,Password = secret", "h:1,Password =***")]
    [InlineData("redis://h:1", "redis://h:1")]
    [InlineData("bob@example", "bob@example")]
    public void A_misplaced_connection_string_is_shown_without_its_password(string argument, string shown) => Assert.Equal(shown, HiddenPassword.In(argument));

    private static ParseResult Parse(params string[] arguments) =>
        new RootCommand { CompleteCommand.Create(new Screen(TextWriter.Null, TextWriter.Null)) }.Parse(arguments);
}
