using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>What a bulk move does not do at the same time.</summary>
public class ExclusionTests
{
    private readonly Exclusion<(string SourceId, string TargetId)> _batches = Exclusion.OfBatchesThatShareANode();

    [Fact]
    public async Task Batches_to_one_target_run_one_after_the_other_in_order_of_arrival()
    {
        var (first, second, third) = (Enter("a", "t"), Enter("b", "t"), Enter("c", "t"));
        Assert.True(first.IsCompletedSuccessfully);
        Assert.False(second.IsCompleted || third.IsCompleted);

        _batches.Leave(("a", "t"));
        await second;
        Assert.False(third.IsCompleted);

        _batches.Leave(("b", "t"));
        await third;
    }

    [Fact]
    public void Batches_that_share_no_node_do_not_wait_for_each_other()
    {
        Assert.True(Enter("a", "t").IsCompletedSuccessfully);
        Assert.True(Enter("b", "u").IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData("a", "u")]
    [InlineData("t", "u")]
    [InlineData("u", "a")]
    public void A_node_takes_part_in_one_batch_at_a_time_as_source_or_target(string source, string target)
    {
        Assert.True(Enter("a", "t").IsCompletedSuccessfully);
        Assert.False(Enter(source, target).IsCompleted);
    }

    [Fact]
    public void A_batch_that_waits_for_a_busy_node_does_not_delay_others()
    {
        Assert.True(Enter("a", "t").IsCompletedSuccessfully);
        Assert.False(Enter("b", "t").IsCompleted);
        Assert.True(Enter("b", "u").IsCompletedSuccessfully);
    }

    [Fact]
    public void Pairs_with_the_same_target_run_at_the_same_time()
    {
        var exclusion = Exclusion.OfSourcesThatAreTargets(16);

        Assert.All(
            new[] { Pair(1, 4), Pair(2, 4), Pair(3, 4) }, pair => Assert.True(exclusion.EnterAsync(pair, default).IsCompletedSuccessfully));
    }

    [Fact]
    public async Task No_master_is_source_and_target_at_the_same_time_and_every_pair_runs()
    {
        var exclusion = Exclusion.OfSourcesThatAreTargets(16);
        var circle = Enumerable.Range(0, 10).Select(i => Pair(i, (i + 1) % 10)).ToList();
        var (sources, targets, most) = (new int[10], new int[10], 0);

        await Task.WhenAll(circle.Select(RunAsync)).WaitAsync(TimeSpan.FromMinutes(2));

        Assert.True(most > 1, "The pairs ran one after the other.");

        async Task RunAsync(MasterPair pair)
        {
            await exclusion.EnterAsync(pair, default);
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

            exclusion.Leave(pair);
        }
    }

    [Fact]
    public async Task The_number_of_pairs_is_limited_and_a_stop_ends_the_wait()
    {
        var exclusion = Exclusion.OfSourcesThatAreTargets(1);
        using var stop = new CancellationTokenSource();
        await exclusion.EnterAsync(Pair(1, 4), default);
        var waiting = exclusion.EnterAsync(Pair(2, 4), stop.Token);
        Assert.False(waiting.IsCompleted);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        exclusion.Leave(Pair(1, 4));
    }

    private Task Enter(string source, string target) => _batches.EnterAsync((source, target), default);

    private static MasterPair Pair(int source, int target) => new(Node(source), Node(target), [], isAtomic: false);

    private static ClusterNode Node(int id) =>
        new(id.ToString(), new NodeEndpoint("127.0.0.1", 7000 + id), new NodeLine(), null, RedisNodeState.Ok, null);
}
