using System;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>The lab of the first minute: it comes, gets stuck, is healed, and goes without a trace.</summary>
public sealed class LabTests : IDisposable
{
    private readonly RcoHome _rco = new();

    public void Dispose() => _rco.Dispose();

    [Fact]
    public async Task A_lab_goes_up_gets_stuck_is_completed_and_goes_down()
    {
        var up = await _rco.RunAsync("lab", "up");
        up.AssertEnded(0);
        Assert.Equal(4, Regex.Count(up.Output, @"^127\.0\.0\.1:\d+  .* master  ", RegexOptions.Multiline));
        Assert.Equal(4, _rco.RunningServers().Count);
        var second = await _rco.RunAsync("lab", "up");
        second.AssertEnded(2);
        Assert.StartsWith("error: Usage: A lab is already running (redis-server, 127.0.0.1:", second.ErrorLines[0]);
        Assert.Equal(["lab", "down"], second.Next());
        await EndsAsync(0, "healthy  4 masters, 0 replicas, 16384 of 16384 slots owned, none open", "check");
        await EndsAsync(0, "no open slot", "open-slots");

        await EndsAsync(0, "5519  Migrating", "lab", "wedge");
        (await _rco.RunAsync("lab", "wedge")).AssertRefused("Usage: Slot 5519 is already Migrating.");
        await EndsAsync(1, "Error  SlotOpen  5519", "check");
        await EndsAsync(1, "next         rco complete --slot 5519   # Complete-RedisSlotMigration -Slot 5519", "open-slots");
        await EndsAsync(0, "nothing was written; to do it: rco complete --slot 5519", "complete", "--slot", "5519", "--what-if");
        await EndsAsync(0, "Completed  slot 5519", "complete", "--slot", "5519");
        await EndsAsync(0, "healthy", "check");
        await EndsAsync(1, "Failed  slot 5519", "complete", "--slot", "5519");

        await EndsAsync(0, "ended 4 servers (redis-server)", "lab", "down");
        AssertNothingLeft();
        await EndsAsync(0, "no lab is running", "lab", "down");
        (await _rco.RunAsync("check")).AssertRefused("NoCluster: No cluster was named with --cluster, and no lab is running.");
    }

    [Fact]
    public async Task A_tour_proves_that_no_key_was_lost_and_leaves_nothing()
    {
        var tour = await _rco.RunAsync("lab", "tour");
        tour.AssertEnded(0);
        AssertTour(tour);
        Assert.DoesNotContain("error", tour.Errors);
        AssertNothingLeft();
    }

    [Theory]
    [InlineData("Tour of a stuck slot migration", 0)]
    [InlineData("1. A cluster", 4)]
    [InlineData("4. What would completing it do?", 4)]
    public async Task An_interrupted_tour_leaves_nothing_either(string after, int servers)
    {
        using var tour = _rco.Start("lab", "tour");
        await tour.OutputAsync(after);
        // Without this, finding none afterwards would prove nothing.
        Assert.InRange(_rco.RunningServers().Count, servers, 4);

        tour.Interrupt();
        var run = await tour.EndAsync();

        run.AssertEnded(1);
        Assert.Contains("error: Stopped: ", run.Errors);
        Assert.DoesNotContain("verified", run.Output);
        AssertNothingLeft();
    }

    [Fact]
    public async Task A_tour_without_a_server_on_the_path_runs_on_Garnet()
    {
        _rco.Environment["PATH"] = PathWithoutServers();
        var tour = await _rco.RunAsync("lab", "tour");
        tour.AssertEnded(0);
        Assert.Contains("4 masters of garnet-server", tour.Output);
        AssertTour(tour);
        AssertNothingLeft();
    }

    [Fact]
    public async Task A_tour_on_Valkey_has_the_servers_move_the_slots()
    {
        _rco.Environment["PATH"] = Path.GetDirectoryName(Servers.Get(Servers.Valkey91).Path) + Path.PathSeparator + PathWithoutServers();
        var tour = await _rco.RunAsync("lab", "tour");
        tour.AssertEnded(0);
        AssertTour(tour);
        Assert.Contains("by the servers themselves", tour.Errors);
        AssertNothingLeft();
    }

    private static string PathWithoutServers()
    {
        string[] programs = ["redis-server", "valkey-server"];
        return string.Join(Path.PathSeparator, Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
            .Where(folder => !programs.Any(program => File.Exists(Path.Combine(folder, program)))));
    }

    private static void AssertTour(RcoRun tour)
    {
        Assert.Contains("150 of 150 keys read back with the value that was written", tour.Output);
        Assert.Contains("Completed  slot 5519", tour.Output);
        Assert.Contains("100 keys moved", tour.Output);
        Assert.Contains("all 4 nodes name ", tour.Output);
        Assert.Contains("2000 of 2000 keys that were written all over the slots read back", tour.Output);
        // Before, one master has the slot that was completed and no other; after, each has a quarter.
        Assert.Equal(["1", "5,460", "5,461", "5,462"], SlotsInMap(tour, map: 0));
        Assert.Equal(["4,096", "4,096", "4,096", "4,096"], SlotsInMap(tour, map: 1));
        Assert.Contains("\nverified: no key lost, slot complete, masters even in ", tour.Output);
    }

    private static string[] SlotsInMap(RcoRun tour, int map) =>
        [.. Regex.Matches(tour.Output, @"^[A-Z] 127\.0\.0\.1:\d+ +([\d,]+) +[\d.]+ %", RegexOptions.Multiline).Chunk(4).ElementAt(map).Select(line => line.Groups[1].Value).Order(StringComparer.Ordinal)];

    private void AssertNothingLeft()
    {
        Assert.Empty(_rco.RunningServers());
        Assert.Empty(_rco.LabFolders());
        Assert.Empty(_rco.LabRecords());
    }

    private async Task EndsAsync(int exitCode, string output, params string[] arguments)
    {
        var run = await _rco.RunAsync(arguments);
        run.AssertEnded(exitCode);
        Assert.Contains(output, run.Output);
    }
}
