using System.CommandLine;
using System.IO;
using RedisClusterOps.Console.Commands;
using RedisClusterOps.Console.Output;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>The core's advice names cmdlets; rco shows the same as a command of its own, to be copied as it is.</summary>
public sealed class NextCommandTests
{
    [Theory]
    [InlineData("Test-RedisCluster", "rco check")]
    [InlineData("Get-RedisClusterNode", "rco nodes")]
    [InlineData("Get-RedisClusterNode -Node 10.0.0.1:6379", "rco nodes --node 10.0.0.1:6379")]
    [InlineData("Get-RedisClusterNode -Node 10.0.0.1:6379 | Format-List", "rco nodes --node 10.0.0.1:6379")]
    [InlineData("Get-RedisClusterNode -Role Replica", "rco nodes --role Replica")]
    [InlineData("Get-RedisOpenSlot -Slot 5519", "rco open-slots --slot 5519")]
    [InlineData("Complete-RedisSlotMigration -Slot 5519", "rco complete --slot 5519")]
    [InlineData("Complete-RedisSlotMigration -Slot 5519 -Timeout 10m", "rco complete --slot 5519 --timeout 10m")]
    [InlineData("Start-RedisSlotMigration -Slot 5519 -Target <node>", "rco start --slot 5519 --target <node>")]
    [InlineData("Undo-RedisSlotMigration -Slot 5519 -Source <the master that it came from>", "rco undo --slot 5519 --source <the master that it came from>")]
    [InlineData("Undo-RedisSlotMigration -Slot 5519 -Strategy PullBack", "rco undo --slot 5519 --strategy PullBack")]
    [InlineData("Restart-RedisSlotMigration -Slot 5519", "rco restart --slot 5519")]
    [InlineData("Repair-RedisCluster -Slot 5519 -AllowUnreachableNode   (it deletes them when it comes back)", "rco repair --slot 5519 --allow-unreachable-node")]
    [InlineData("New-RedisRebalancePlan -UseEmptyMaster", "rco plan --use-empty-master")]
    [InlineData("Get-RedisMigration -Running", "rco migrations --running")]
    [InlineData("Resume-RedisMigration -Id 20261123T235959Z-4f2a9c", "rco resume --id 20261123T235959Z-4f2a9c")]
    [InlineData("Get-RedisClusterAlert -StatePath <a file>", "rco alerts --state-path <a file>")]
    [InlineData("Measure-RedisClusterLink -Node 10.0.0.1:6379", "rco links --node 10.0.0.1:6379")]
    [InlineData(
        "Complete-RedisSlotMigration -Slot 5519 -OnKeyConflict KeepSource   (or KeepTarget; the value that loses is saved to a file first)",
        "rco complete --slot 5519 --on-key-conflict KeepSource")]
    public void A_cmdlet_that_rco_has_is_shown_as_its_command_with_the_cmdlet_as_a_comment(string advice, string command) =>
        Assert.Equal(command + "   # " + advice, NextCommand.Of(advice, null));

    [Theory]
    [InlineData("Get-RedisSlotKey -Slot 5519 -Node 10.0.0.1:6379 -Detail")]
    [InlineData("Get-RedisClusterInfo | Format-List")]
    [InlineData("Get-RedisClusterNode | Format-Table Endpoint, ConfigEpoch")]
    [InlineData("Get-RedisOpenSlot | Complete-RedisSlotMigration -WhatIf")]
    [InlineData("ACL WHOAMI and ACL GETUSER on that node show what the user may do")]
    [InlineData("Get-RedisClusterNode -Node $(reboot)")]
    [InlineData("Get-RedisClusterNode -Node x;reboot")]
    [InlineData("Start-RedisSlotMigration -Target <a\nreboot")]
    [InlineData("Get-RedisClusterNode -Node 'x'")]
    [InlineData("Get-RedisClusterNode -Node x\nreboot")]
    public void Anything_else_is_shown_as_it_is(string advice) => Assert.Equal(advice, NextCommand.Of(advice, null));

    [Theory]
    [InlineData("Connect-RedisCluster -Endpoint <host:port> -Credential (Get-Credential)", "the same with --user <name>, its password in REDISCLI_AUTH or --password-file")]
    [InlineData("Connect-RedisCluster -Endpoint <a node of the cluster>", "the same with --cluster <a node of the cluster>")]
    public void Connecting_is_an_option_here(string advice, string said) => Assert.Equal(said + "   # " + advice, NextCommand.Of(advice, null));

    [Fact]
    public void The_cluster_at_hand_is_named_again_without_its_password() => Assert.Equal(
        "rco complete --slot 7 --cluster 10.0.0.1:6379 --user bob   # Complete-RedisSlotMigration -Slot 7",
        NextCommand.Of("Complete-RedisSlotMigration -Slot 7", Parse("complete", "--slot", "1", "--cluster", "redis://bob:secret@10.0.0.1:6379", "--what-if")));

    [Fact]
    public void The_same_for_several_slots_is_one_command() => Assert.Equal(
        ["rco complete --slot 1 2 3 --cluster h:1"],
        NextCommand.OfAll(["Complete-RedisSlotMigration -Slot 1", "Complete-RedisSlotMigration -Slot 2", "Complete-RedisSlotMigration -Slot 2", "Complete-RedisSlotMigration -Slot 3", string.Empty], Parse("complete", "--slot", "9", "--cluster", "h:1")));

    [Fact]
    public void Different_advice_stays_one_line_each() => Assert.Equal(
        ["rco complete --slot 1   # Complete-RedisSlotMigration -Slot 1", "rco open-slots --slot 2   # Get-RedisOpenSlot -Slot 2"],
        NextCommand.OfAll(["Complete-RedisSlotMigration -Slot 1", "Get-RedisOpenSlot -Slot 2"], Parse("complete", "--slot", "9")));

    [Fact]
    public void Several_slots_of_a_cmdlet_that_rco_lacks_stay_as_they_are() => Assert.Equal(
        ["Get-RedisSlotKey -Slot 1", "Get-RedisSlotKey -Slot 2"],
        NextCommand.OfAll(["Get-RedisSlotKey -Slot 1", "Get-RedisSlotKey -Slot 2"], Parse("complete", "--slot", "9")));

    private static ParseResult Parse(params string[] arguments) =>
        new RootCommand { CompleteCommand.Create(new Screen(TextWriter.Null, TextWriter.Null)) }.Parse(arguments);
}
