using System;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.LabProgram;

/// <summary>A lab that stays: up, wedge, shell, down.</summary>
public sealed class LabTests : IDisposable
{
    private readonly LabHome _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public async Task A_lab_is_started_wedged_completed_in_the_shell_and_ended()
    {
        var up = (await _home.RunAsync("up")).AssertExited(0);
        Assert.Equal(3, up.Output.Split('\n').Count(line => line.Contains("  master  slots ")));
        Assert.Single(up.Output.Split('\n'), line => line.EndsWith("  master  no slots"));
        Assert.Contains("Connect-RedisCluster 127.0.0.1:", up.Output);
        Assert.Equal(4, _home.RunningServers().Count);
        (await _home.RunAsync("up")).AssertRefused("A lab is already running (redis-server, 127.0.0.1:", "-- down");
        Assert.Equal(4, _home.RunningServers().Count);

        var wedge = (await _home.RunAsync("wedge")).AssertExited(0);
        Assert.Contains("slot 5519 is stuck: 150 keys written to ", wedge.Output);
        (await _home.RunAsync("wedge")).AssertRefused("Slot 5519 is already open on 127.0.0.1:", "Complete-RedisSlotMigration -Slot 5519");
        var second = await _home.RunAsync("wedge", "--json", "--slot", "0", "--keys", "9", "--moved", "4");
        var other = Assert.Single(second.AssertExited(0).Objects());
        Assert.Equal((0, 9, 4), (Number(other, "Slot"), Number(other, "Keys"), Number(other, "Moved")));
        Assert.NotEqual(other.GetProperty("Source").GetString(), other.GetProperty("Target").GetString());

        var shell = await _home.RunWithInputAsync(
            """
            foreach ($slot in Get-RedisOpenSlot) {
                "$($slot.Slot) $($slot.State)"
            }
            Get-RedisOpenSlot | Complete-RedisSlotMigration | Sort-Object Slot | ForEach-Object { "$($_.Slot) $($_.Outcome)" }
            exit 3
            """,
            "shell");
        shell.AssertExited(3);
        var lines = shell.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("Connected to 127.0.0.1:", lines[0]);
        Assert.Equal(["0 Migrating", "5519 Migrating", "0 Completed", "5519 Completed"], lines.Skip(1));

        var down = (await _home.RunAsync("down")).AssertExited(0);
        Assert.StartsWith("ended 4 of 4 servers (redis-server): 127.0.0.1:", down.Output);
        _home.AssertNothingLeft();
        Assert.Equal("no lab is running\n", (await _home.RunAsync("down")).AssertExited(0).Output);
    }

    [Fact]
    public async Task The_shell_returns_a_failure_as_text_and_exit_status()
    {
        (await _home.RunAsync("up", "--masters", "2", "--json")).AssertExited(0);
        var shell = (await _home.RunWithInputAsync("throw 'this went wrong'", "shell")).AssertExited(1);
        Assert.Contains("this went wrong", shell.Errors);
        Assert.DoesNotContain("CLIXML", shell.Errors);
        (await _home.RunAsync("down")).AssertExited(0);
    }

    [Fact]
    public async Task Each_master_has_the_requested_number_of_replicas()
    {
        var nodes = (await _home.RunAsync("up", "--masters", "3", "--replicas", "2", "--json")).AssertExited(0).Objects();

        var masters = nodes.Where(node => Text(node, "Role") == "Master").ToList();
        Assert.Equal(["0-8191", "8192-16383", ""], masters.Select(master => Text(master, "Slots")));
        Assert.All(masters, master => Assert.Null(Text(master, "Master")));
        var replicas = nodes.Where(node => Text(node, "Role") == "Replica").ToList();
        Assert.Equal(6, replicas.Count);
        Assert.All(masters, master => Assert.Equal(2, replicas.Count(replica => Text(replica, "Master") == Text(master, "Endpoint"))));
        Assert.Equal(9, nodes.Select(node => Text(node, "Id")).Distinct().Count());
        (await _home.RunAsync("down")).AssertExited(0);
        _home.AssertNothingLeft();
    }

    [Fact]
    public async Task Without_a_running_lab_wedge_and_shell_name_up()
    {
        (await _home.RunAsync("wedge")).AssertRefused("No lab is running.", "-- up");
        (await _home.RunAsync("shell")).AssertRefused("No lab is running.", "-- up");
    }

    [Theory]
    [InlineData("--moved (9) can't be more than --keys (5).", "wedge", "--keys", "5", "--moved", "9")]
    [InlineData("--slot takes a whole number from 0 to 16383, not '16384'.", "wedge", "--slot", "16384")]
    [InlineData("--keys takes a whole number from 0 to 1000000, not '-1'.", "wedge", "--keys", "-1")]
    [InlineData("--masters takes a whole number from 2 to 20, not '1'.", "up", "--masters", "1")]
    [InlineData("--replicas takes a whole number from 0 to 5, not 'many'.", "up", "--replicas", "many")]
    [InlineData("'wedg' is not a command.", "wedg")]
    public async Task Bad_input_is_refused_in_one_line_before_anything_is_touched(string problem, params string[] arguments)
    {
        (await _home.RunAsync(arguments)).AssertRefused(problem, "--help");
        _home.AssertNothingLeft();
    }

    [Theory]
    [InlineData("tour")]
    [InlineData("up")]
    [InlineData("wedge")]
    [InlineData("shell")]
    [InlineData("down")]
    public async Task Every_command_has_help(string command)
    {
        Assert.Contains("\n  " + command + " ", (await _home.RunAsync("--help")).AssertExited(0).Output);
        Assert.Contains("RedisClusterOps.Lab " + command, (await _home.RunAsync(command, "--help")).AssertExited(0).Output);
    }

    private static int Number(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
