using System;
using System.Collections.Generic;
using RedisClusterOps.Cluster;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>Which commands of a user are sent, which of them prompt, and what a prompt shows.</summary>
public sealed class CommandRulesTests
{
    [Theory]
    [InlineData("CLUSTER SETSLOT 5519 STABLE", "Complete-RedisSlotMigration -Slot 5519; or Undo-RedisSlotMigration -Slot 5519")]
    [InlineData("cluster setslot 5519 importing abc", "Move-RedisSlot -Slot 5519")]
    [InlineData("CLUSTER ADDSLOTSRANGE 0 5", "Repair-RedisCluster")]
    [InlineData("CLUSTER DELSLOTS 1", "Move-RedisSlot")]
    [InlineData("CLUSTER MIGRATION IMPORT 0 5", "Move-RedisSlot")]
    [InlineData("CLUSTER MIGRATESLOTS SLOTSRANGE 0 5 NODE abc", "Move-RedisSlot")]
    [InlineData("CLUSTER MEET 127.0.0.1 7001", "Add-RedisClusterNode")]
    [InlineData("CLUSTER FORGET abc", "Remove-RedisClusterNode")]
    [InlineData("CLUSTER RESET HARD", "Remove-RedisClusterNode -Reset")]
    [InlineData("CLUSTER REPLICATE abc", "Set-RedisClusterReplica")]
    [InlineData("CLUSTER FAILOVER TAKEOVER", "Invoke-RedisClusterFailover")]
    [InlineData("CLUSTER SET-CONFIG-EPOCH 5", "New-RedisCluster")]
    [InlineData("MIGRATE 127.0.0.1 7001 k 0 100", "Move-RedisSlotKey")]
    [InlineData("MONITOR", "use a client program")]
    [InlineData("SUBSCRIBE news", "use a client program")]
    [InlineData("SELECT 1", "send the command that needs it")]
    [InlineData("AUTH geheim", "Connect-RedisCluster -Credential")]
    [InlineData("BLPOP k 0", "specify a timeout above 0 and below 30 s")]
    [InlineData("BLPOP k 30", "specify a timeout above 0 and below 30 s")]
    [InlineData("BLMPOP 0 1 k LEFT", "specify a timeout")]
    [InlineData("XREAD BLOCK 0 STREAMS s $", "specify a timeout")]
    [InlineData("WAIT 1 0", "specify a timeout")]
    public void A_command_that_another_operation_does_safely_or_that_has_no_reply_is_refused(string command, string next)
    {
        var refusal = CommandRules.RefusalOf(CommandLine.Of([command]), TimeSpan.FromSeconds(30));
        Assert.Equal(FailureCode.CommandRefused, refusal?.Code);
        Assert.EndsWith("It was not sent.", refusal!.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", refusal.Message, StringComparison.Ordinal);
        Assert.StartsWith(next, NextActionText.Of(refusal.Next!), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CLUSTER NODES", true)]
    [InlineData("config get maxmemory", true)]
    [InlineData("ACL LOG", true)]
    [InlineData("CLUSTER MIGRATION STATUS ALL", true)]
    [InlineData("CLUSTER HELP", true)]
    [InlineData("ACL LOG RESET", false)]
    [InlineData("CONFIG SET maxmemory 1", false)]
    [InlineData("CONFIG RESETSTAT", false)]
    [InlineData("SLOWLOG RESET", false)]
    [InlineData("CLIENT KILL TYPE normal", false)]
    [InlineData("FLUSHALL", false)]
    [InlineData("BLPOP k 5", false)]
    [InlineData("SHUTDOWN", false)]
    public void A_command_reads_only_if_it_is_known_to(string command, bool reads)
    {
        var line = CommandLine.Of([command]);
        Assert.Null(CommandRules.RefusalOf(line, TimeSpan.FromSeconds(30)));
        Assert.Equal(reads, CommandRules.OnlyReads(line, null));
    }

    [Theory]
    [InlineData("readonly,fast", true)]
    [InlineData("readonly,write", false)]
    [InlineData("write", false)]
    public void The_servers_flag_decides_about_any_other_command(string flags, bool reads) =>
        Assert.Equal(reads, CommandRules.OnlyReads(CommandLine.Of(["FT.SEARCH", "i", "q"]), flags.Split(',')));

    [Theory]
    [InlineData("SET k geheim", "SET k <1 more>")]
    [InlineData("HSET k f geheim g geheim", "HSET k <4 more>")]
    [InlineData("CONFIG SET requirepass geheim maxmemory 1", "CONFIG SET requirepass *** maxmemory 1")]
    [InlineData("CONFIG SET tls-key-file-pass geheim", "CONFIG SET tls-key-file-pass ***")]
    [InlineData("CONFIG SET masterauth geheim", "CONFIG SET masterauth ***")]
    [InlineData("ACL SETUSER bob on >geheim #geheim ~* +@all", "ACL SETUSER bob on >*** #*** ~* +@all")]
    [InlineData("EVAL \"return 'geheim'\" 0", "EVAL <script>")]
    [InlineData("MODULE LOAD /m.so geheim", "MODULE LOAD /m.so <1 more>")]
    [InlineData("HELLO 3 AUTH default geheim", "HELLO ***")]
    public void A_prompt_shows_no_secret_and_no_value(string command, string text)
    {
        var line = CommandLine.Of([command]);
        Assert.Equal(text, line.TextOf(isAdministrative: false));
        // Traces and errors use this text.
        Assert.Equal(text, line.Command.ToString());
    }

    [Fact]
    public void The_arguments_of_an_administrative_command_are_shown() =>
        Assert.Equal("CLIENT KILL TYPE normal", CommandLine.Of(["CLIENT", "KILL", "TYPE", "normal"]).TextOf(isAdministrative: true));

    [Fact]
    public void One_text_is_divided_into_words_and_several_arguments_are_words_already()
    {
        Assert.Equal(new List<string> { "SET", "a b", "c'd", "\n" }, CommandLine.Of(["SET  'a b'\tc'd \"\\n\" "]).Words);
        Assert.Equal(new List<string> { "SET", "a b", "" }, CommandLine.Of(["SET", "a b", ""]).Words);
        Assert.Equal(new byte[] { 0xff, 0, (byte)'a' }, CommandLine.Of(["GET \"\\xff\\x00a\""]).Command.Arguments[1]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("GET \"k")]
    public void A_command_without_words_or_with_an_open_quotation_is_an_error(string command) =>
        Assert.Equal(FailureCode.InvalidArgument, Assert.Throws<RedisOperationException>(() => CommandLine.Of([command])).Code);
}
