using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>MIGRATE blocks both ends, so no circle of masters may wait for one another.</summary>
public class PairTurnsTests
{
    [Fact]
    public void Pairs_with_one_target_go_at_once()
    {
        var turns = new PairTurns(16);

        Assert.All(new[] { Pair(1, 4), Pair(2, 4), Pair(3, 4) }, pair => Assert.True(turns.EnterAsync(pair, default).IsCompletedSuccessfully));
    }

    [Fact]
    public async Task Nobody_is_a_source_and_a_target_at_once_and_everybody_gets_a_turn()
    {
        var turns = new PairTurns(16);
        var circle = Enumerable.Range(0, 10).Select(i => Pair(i, (i + 1) % 10)).ToList();
        var (sources, targets, most) = (new int[10], new int[10], 0);

        await Task.WhenAll(circle.Select(WorkAsync)).WaitAsync(TimeSpan.FromSeconds(30));

        Assert.True(most > 1, "They went one after the other.");

        async Task WorkAsync(SlotPair pair)
        {
            await turns.EnterAsync(pair, default);
            var (from, to) = (int.Parse(pair.Source.Id), int.Parse(pair.Target.Id));
            lock (circle)
            {
                sources[from]++;
                targets[to]++;
                Assert.DoesNotContain(Enumerable.Range(0, 10), node => sources[node] > 0 && targets[node] > 0);
                most = Math.Max(most, sources.Sum());
            }

            await Task.Delay(5);
            lock (circle)
            {
                sources[from]--;
                targets[to]--;
            }

            turns.Leave(pair);
        }
    }

    [Fact]
    public async Task No_more_than_asked_for_and_a_stop_ends_the_waiting()
    {
        var turns = new PairTurns(1);
        using var stop = new CancellationTokenSource();
        await turns.EnterAsync(Pair(1, 4), default);
        var waiting = turns.EnterAsync(Pair(2, 4), stop.Token);
        Assert.False(waiting.IsCompleted);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        turns.Leave(Pair(1, 4));
    }

    private static SlotPair Pair(int source, int target) => new(Node(source), Node(target), [], isAtomic: false);

    private static ClusterNode Node(int id) => new(id.ToString(), new NodeEndpoint("127.0.0.1", 7000 + id), new NodeLine(), null, RedisNodeState.Ok, null);
}
