using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Driver;
using Xunit;
using Xunit.Sdk;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// Two runs from two machines, each with its own journal and locks, begin together on one cluster. One of them yields, and no key is lost.
/// </summary>
public sealed class TwoHomesTests(ITestOutputHelper output)
{
    private const int Keys = 20_000;

    private static readonly int Rounds = KillCase.IsFullProof ? 20 : 3;

    public static TheoryData<string> Cases => KillCase.IsFullProof ? [Servers.Redis70, Servers.Valkey91] : [Servers.Redis70];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Of_two_runs_that_begin_together_one_yields(string server)
    {
        var random = TestSeed.NewRandom();
        var wrong = new List<string>();
        for (var round = 0; round < Rounds; round++)
        {
            await using var scene = await MoveScene.StartAsync(server, Keys, MoveMethod.KeyByKey);
            var ends = await BothAsync(scene, random.Next(0, 200));
            var trace = $"round {round}: " + string.Join(" | ", ends.Select(end => $"exit {end.ExitCode}, {end.Results.Count} results, "
                + end.FirstFailure[..Math.Min(300, end.FirstFailure.Length)]));
            try
            {
                Assert.Contains(ends, end => end.ExitCode == 0);
                var failures = ends.SelectMany(end => end.Failures).ToList();
                // The one that plans while the other moves slots may find its plan stale.
                Assert.All(failures, failure => Assert.Contains(
                    failure.Code, new[] { nameof(FailureCode.AnotherToolAtWork), nameof(FailureCode.StalePlan) }));
                Assert.Single(ends, end => end.ExitCode != 0);
                await scene.Cluster.AssertConsistentAsync();
            }
            catch (XunitException failure)
            {
                wrong.Add(trace + ": " + failure.Message[..Math.Min(300, failure.Message.Length)]);
            }

            output.WriteLine(trace + "; unreadable keys: " + await UnreadableAsync(scene));
        }

        Assert.Empty(wrong);
    }

    // Two people with different aims: one gives the empty master its share, the other moves slots between two others.
    private static async Task<OperationEnd[]> BothAsync(MoveScene scene, int delay)
    {
        DriverRequest Request(DriverRequest request) => request with
        {
            Cluster = string.Join(',', scene.Cluster.Nodes.Select(node => node.Endpoint)),
            Options = new MoveOptions { Method = MoveMethod.KeyByKey, MaxKeysPerSecond = 10_000, Timeout = TimeSpan.FromSeconds(5) },
        };

        var first = OperationProcess.StartAsync(
            Request(new DriverRequest
            {
                Operation = DriverOperation.Rebalance,
                Rebalance = new RebalanceOptions { UseEmptyMaster = true, Threshold = 0 },
            }),
            home: JournalOfTests.NewFolder());
        await Task.Delay(delay);
        var second = OperationProcess.StartAsync(
            Request(new DriverRequest
            {
                Operation = DriverOperation.Move,
                Selection = new SlotSelection { Count = 3_000, Sources = ["*"], Target = scene.Cluster.Nodes[1].Id },
            }),
            home: JournalOfTests.NewFolder());
        using var one = await first;
        using var two = await second;
        return await Task.WhenAll(one.EndAsync(), two.EndAsync());
    }

    /// <summary>The number of keys that no owner of their slot holds.</summary>
    private static async Task<int> UnreadableAsync(MoveScene scene)
    {
        var held = new HashSet<string>();
        foreach (var node in scene.Cluster.Nodes)
        {
            var slots = (await TestCluster.OwnLineOfAsync(node)).Slots;
            var names = (await node.SendAsync("KEYS", "*")).Items.Select(key => key.Text);
            held.UnionWith(names.Where(name => slots.Contains(FilledCluster.SlotOf(name))));
        }

        return scene.Cluster.Keys - held.Count;
    }
}
