using System;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.LabProgram;

/// <summary>The tour of the lab: real cmdlets in a real PowerShell, proofs from the servers, and no trace afterwards.</summary>
public sealed class TourTests
{
    private const string Connecting = "PS> Connect-RedisCluster 127.0.0.1:";
    private const string Rebalancing = "PS> Measure-RedisClusterClient -Write";

    // Without a server on PATH, the tour takes Garnet.
    public static TheoryData<string?, string> Tours
    {
        get
        {
            var cases = new TheoryData<string?, string>
            {
                { null, "4 masters of garnet-server" },
            };
            if (KillCase.IsFullProof)
            {
                cases.Add(Servers.Redis70, "4 masters of redis-server");
                cases.Add(Servers.Valkey91, "4 masters of valkey-server");
            }

            return cases;
        }
    }

    public static TheoryData<string, PosixSignal, int> Interruptions
    {
        get
        {
            var cases = new TheoryData<string, PosixSignal, int> { { Rebalancing, PosixSignal.SIGINT, 130 } };
            if (KillCase.IsFullProof)
            {
                cases.Add(Connecting, PosixSignal.SIGHUP, 129);
                cases.Add("1. A slot migration stops half-way", PosixSignal.SIGINT, 130);
                cases.Add(Rebalancing, PosixSignal.SIGTERM, 143);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Tours))]
    public async Task A_tour_proves_every_step_and_leaves_nothing(string? server, string masters)
    {
        using var home = new LabHome(server);
        var tour = (await home.RunAsync("tour")).AssertExited(0);

        Assert.Contains(masters, tour.Output);
        Assert.Contains("Next: Complete-RedisSlotMigration -Slot 5519", tour.Output);
        Assert.Contains("proof: the slot is open as before on both masters", tour.Output);
        Assert.Matches(@"\nSlot 5519 Completed  .* moved: 100\s", tour.Output);
        Assert.Contains("proof: 150 of 150 keys read back with the value that was written", tour.Output);
        Assert.Contains("proof: every server reports 4096 slots for each master", tour.Output);
        Assert.Equal(2, Regex.Count(tour.Output, "proof: 650 of 650 keys read back with the value that was written"));
        Assert.Contains("proof: every server reports the owners from before the rebalance", tour.Output);
        Assert.Equal(["4,096", "4,096", "4,096", "4,096"], SlotsInMap(tour, map: 0));
        Assert.Equal(["1", "5,460", "5,461", "5,462"], SlotsInMap(tour, map: 1));
        Assert.Contains("\nEvery step was proved, and every server and file is removed.", tour.Output);
        Assert.DoesNotContain("error", tour.Errors);
        AssertPlain(tour);
        home.AssertNothingLeft();
    }

    // Redirected output is plain text of a readable width.
    private static void AssertPlain(ProcessEnd tour)
    {
        Assert.DoesNotContain('\u001b', tour.Output + tour.Errors);
        // PowerShell does not wrap some lines, such as the actions of -WhatIf.
        var tables = tour.Output.Split('\n').Where(line => !Regex.IsMatch(line, "^(What if:|PS> )"));
        Assert.All(tables, line => Assert.InRange(line.Length, 0, 120));
    }

    [Theory]
    [MemberData(nameof(Interruptions))]
    public async Task An_interrupted_tour_leaves_nothing_either(string after, PosixSignal signal, int exitCode)
    {
        using var home = new LabHome();
        var tour = home.Start("tour");
        await tour.UntilOutputAsync(after);
        // Otherwise the absence of servers afterwards would prove nothing.
        Assert.Equal(4, home.RunningServers().Count);

        tour.Signal(signal);

        var run = (await tour.EndAsync(LabHome.Patience)).AssertExited(exitCode);
        Assert.Contains("error: interrupted", run.Errors);
        Assert.DoesNotContain("Every step was proved", run.Output);
        home.AssertNothingLeft();
    }

    [Fact]
    public async Task A_tour_fails_when_a_key_has_another_value_than_the_one_that_was_written()
    {
        using var home = new LabHome();
        var tour = home.Start("tour");
        var entry = Regex.Match(await tour.UntilOutputAsync(Connecting), @"from 127\.0\.0\.1:(\d+) ").Groups[1].Value;
        var key = Encoding.UTF8.GetBytes(LabWedge.DefaultKey);
        var connector = new NodeConnector(new ConnectionOptions());
        using (var client = new RedirectFollower(connector, new NodeEndpoint("127.0.0.1", int.Parse(entry))))
            Assert.Equal("OK", (await client.AskAsync(key, RespCommand.Of("SET", key, "damaged"))).Text);

        var run = (await tour.EndAsync(LabHome.Patience)).AssertExited(1);

        Assert.Contains("error: Not proved: 149 of 150 keys read back with the value that was written.", run.Errors);
        Assert.DoesNotContain("Every step was proved", run.Output);
        home.AssertNothingLeft();
    }

    [Fact]
    public async Task A_tour_fails_when_a_cmdlet_fails()
    {
        using var home = new LabHome();
        var tour = home.Start("tour");
        await tour.UntilOutputAsync(Connecting);
        foreach (var server in home.RunningServers())
            Process.GetProcessById(server).Kill();

        var run = (await tour.EndAsync(LabHome.Patience)).AssertExited(1);

        Assert.Matches("error: 'Connect-RedisCluster .*' wrote an error: |error: 'Get-RedisClusterHealth' wrote an error: ", run.Errors);
        home.AssertNothingLeft();
    }

    [Fact]
    public async Task Down_ends_the_servers_of_a_killed_tour()
    {
        using var home = new LabHome();
        var tour = home.Start("tour");
        await tour.UntilOutputAsync(Connecting);
        await tour.KillAsync();
        await tour.EndAsync();
        Assert.Equal(4, home.RunningServers().Count);

        var down = (await home.RunAsync("down")).AssertExited(0);

        Assert.StartsWith("ended 4 of 4 servers (redis-server): 127.0.0.1:", down.Output);
        home.AssertNothingLeft();
    }

    private static string[] SlotsInMap(ProcessEnd tour, int map) =>
        [.. Regex.Matches(tour.Output, @"^[A-Z] 127\.0\.0\.1:\d+ +([\d,]+) +[\d.]+ %", RegexOptions.Multiline)
            .Chunk(4).ElementAt(map).Select(line => line.Groups[1].Value).Order(StringComparer.Ordinal)];
}
