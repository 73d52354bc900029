using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Core.Tests.Simulation;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>Which keys a measured application uses, and how its intervals end.</summary>
public sealed class ClientMeasurementTests : IDisposable
{
    private const string A = "10.0.0.1:7000";
    private const string B = "10.0.0.2:7000";
    private static readonly string IdOfA = new('a', 40);
    private static readonly string IdOfB = new('b', 40);

    private readonly ScriptedNodes _nodes = new() { Clock = new SimulatedClock() };
    private readonly FakeClient _client = new();
    private bool _ownsSlots = true;
    private bool _isGarnet;

    // Slot 0 moves from A to B: three keys are left, two have moved. Otherwise A has two keys and B none.
    public ClientMeasurementTests()
    {
        _nodes.Node(A, command => Answer(command, IdOfA)).Node(B, command => Answer(command, IdOfB));
    }

    // Garnet has no RANDOMKEY.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task By_default_it_reads_keys_of_every_master_and_both_ends_of_every_open_slot(bool isGarnet)
    {
        _isGarnet = isGarnet;
        await MeasureAsync(new ClientOptions());
        var keys = _client.Work!.Reads.SelectMany(read => read).Select(Encoding.UTF8.GetString).ToList();
        Assert.Equal(
            OpenKeys(5, 0).Append("x").Append("y").Order(),
            keys.Where(key => !key.StartsWith(ClientKeys.Prefix, StringComparison.Ordinal)).Order());
        // B has no key. A missing one of its slots is read instead.
        var missing = Assert.Single(keys, key => key.StartsWith(ClientKeys.Prefix, StringComparison.Ordinal));
        Assert.InRange(RedisCluster.LocateKey(missing).Slot, 8192, 16383);
        Assert.All(_client.Work.Reads, read => Assert.Single(read));
        Assert.Empty(_client.Work.Counters);
    }

    [Fact]
    public async Task Both_keys_of_a_read_are_of_one_slot()
    {
        await MeasureAsync(new ClientOptions { MultiKey = true });
        Assert.All(_client.Work!.Reads, read =>
        {
            Assert.Equal(2, read.Length);
            Assert.Equal(HashSlot.Of(read[0]), HashSlot.Of(read[1]));
            Assert.NotEqual(read[0], read[1]);
        });
        // At least one pair of the open slot is split between the two masters, as those of applications are.
        var left = OpenKeys(3, 0);
        Assert.Contains(_client.Work.Reads, read => read.Count(key => left.Contains(Encoding.UTF8.GetString(key))) == 1
            && HashSlot.Of(read[0]) == 0);
    }

    [Fact]
    public async Task Slots_and_keys_can_be_chosen()
    {
        await MeasureAsync(new ClientOptions { Slots = [0, 9000], Keys = ["mine"], MultiKey = true });
        var slots = _client.Work!.Reads.Select(read => HashSlot.Of(read[0])).ToHashSet();
        Assert.Equal([0, 9000, RedisCluster.LocateKey("mine").Slot], slots.Order());
        Assert.Contains(_client.Work.Reads, read => Encoding.UTF8.GetString(read[1]) == "{mine}:missing");
    }

    [Fact]
    public async Task Counters_have_a_prefix_and_are_in_the_same_slots()
    {
        await MeasureAsync(new ClientOptions { Slots = [0, 9000], Write = true });
        Assert.Equal([0, 9000], _client.Work!.Counters.Select(HashSlot.Of).Order());
        Assert.All(_client.Work.Counters, key =>
            Assert.StartsWith("redisclusterops:client:{", Encoding.UTF8.GetString(key), StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_last_sample_has_what_the_last_reading_of_the_counters_found_lost()
    {
        _client.Lost = 3;
        _client.LostAtEnd = 4;
        var samples = await MeasureAsync(new ClientOptions { Duration = TimeSpan.FromSeconds(2.5), Write = true });
        Assert.Equal([3, 3, 7], samples.Select(sample => sample.LostWrites));
        Assert.Equal([1, 1, 0.5], _client.Intervals.Select(interval => interval.TotalSeconds));
        Assert.Equal(1, _client.Ends);
        Assert.All(samples, sample => Assert.Equal(A, sample.Cluster!.ToString()));
    }

    [Fact]
    public async Task The_last_sample_says_which_counters_could_not_be_read()
    {
        (_client.LostAtEnd, _client.TroubleAtEnd) = (1, "2 of 3 counters could not be read at the end.");
        var samples = await MeasureAsync(new ClientOptions { Duration = TimeSpan.FromSeconds(2), Write = true });
        Assert.Equal([null, _client.TroubleAtEnd], samples.Select(sample => sample.Trouble));
        Assert.Equal(1, samples.Sum(sample => sample.LostWrites));
    }

    [Fact]
    public async Task Without_a_slot_that_has_an_owner_there_is_nothing_to_measure()
    {
        _ownsSlots = false;
        var failure = await Assert.ThrowsAsync<RedisOperationException>(() => MeasureAsync(new ClientOptions()));
        Assert.Equal(
            (FailureCode.NotSupported, NextActionCode.CheckCluster), (failure.Code, failure.Next!.Code));
        Assert.Null(_client.Work);
    }

    // On a busy machine the first interval begins before the clock is read.
    [Theory]
    [InlineData(2.0, 0.8, new[] { 1.0, 1.0 })]
    [InlineData(2.05, 1.0, new[] { 1.0, 1.05 })]
    [InlineData(0.5, 1.0, new[] { 0.5 })]
    public async Task The_duration_decides_how_many_samples_there_are(double seconds, double clock, double[] intervals)
    {
        _client.Speed = clock;
        await MeasureAsync(new ClientOptions { Duration = TimeSpan.FromSeconds(seconds) });
        Assert.Equal(intervals, _client.Intervals.Select(interval => interval.TotalSeconds));
    }

    [Fact]
    public async Task Without_writes_none_is_lost_and_none_is_kept()
    {
        var samples = await MeasureAsync(new ClientOptions { Duration = TimeSpan.FromSeconds(1) });
        Assert.Null(Assert.Single(samples).LostWrites);
    }

    [Fact]
    public async Task A_stop_ends_the_application_within_a_second()
    {
        using var stop = new CancellationTokenSource();
        using var redis = Open();
        await redis.MeasureClientAsync(new ClientOptions { Write = true }, () => _client, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => redis.MeasureClientAsync(new ClientOptions { Write = true }, () => _client, stop.Token));
        Assert.Equal((1, TimeSpan.FromMilliseconds(500)), (_client.Ends, _client.EndLimit));
    }

    public void Dispose() => _client.Dispose();

    private static List<string> OpenKeys(int count, int from) =>
        [.. Enumerable.Range(from, count).Select(number => Encoding.ASCII.GetString(ClientKeys.KeysIn([0], "k" + number)[0]))
            .Select(key => key[ClientKeys.Prefix.Length..])];

    private async Task<List<RedisClientSample>> MeasureAsync(ClientOptions options)
    {
        using var redis = Open();
        var samples = new List<RedisClientSample>();
        while (await redis.MeasureClientAsync(options, () => _client, default) is { } sample)
            samples.Add(sample);
        return samples;
    }

    private RedisCluster Open()
    {
        _client.Clock = (SimulatedClock)_nodes.Clock;
        return new RedisCluster(RedisClusterSession.Parse(A), _nodes, null);
    }

    private RespValue Answer(RespCommand command, string self)
    {
        return command.ToString() switch
        {
            "CLUSTER NODES" when !_ownsSlots => RespValue.Bulk(
                $"{IdOfA} {A}@1 {(self == IdOfA ? "myself," : string.Empty)}master - 0 0 1 connected\n"),
            "CLUSTER NODES" => RespValue.Bulk(
                $"{IdOfA} {A}@1 {(self == IdOfA ? "myself," : string.Empty)}master - 0 0 1 connected 0-8191"
                    + (self == IdOfA ? $" [0->-{IdOfB}]" : string.Empty) + "\n"
                    + $"{IdOfB} {B}@1 {(self == IdOfB ? "myself," : string.Empty)}master - 0 0 2 connected 8192-16383"
                    + (self == IdOfB ? $" [0-<-{IdOfA}]" : string.Empty) + "\n"),
            "CLUSTER INFO" => RespValue.Bulk("cluster_state:ok\r\n"),
            "INFO" => RespValue.Bulk("redis_version:7.0.15\r\n"),
            "DBSIZE" => RespValue.Number(0),
            "SCAN 0 COUNT 20" => RespValue.Array(
                [RespValue.Bulk("0"), RespValue.Array([.. (self == IdOfA ? new[] { "x", "y" } : []).Select(RespValue.Bulk)])]),
            "RANDOMKEY" when !_isGarnet => self == IdOfA ? RespValue.Bulk(_random++ % 2 == 0 ? "x" : "y") : RespValue.Null,
            { } text when text.StartsWith("CLUSTER GETKEYSINSLOT 0 ", StringComparison.Ordinal) =>
                RespValue.Array([.. (self == IdOfA ? OpenKeys(3, 0) : OpenKeys(2, 3)).Select(RespValue.Bulk)]),
            { } text when text.StartsWith("CLUSTER GETKEYSINSLOT ", StringComparison.Ordinal) => RespValue.Array([]),
            _ => RespValue.Error("ERR unknown command " + command),
        };
    }

    private static int _random;

    private sealed class FakeClient : RedisApplicationClient
    {
        public SimulatedClock Clock { get; set; } = new();

        public ClientWork? Work { get; private set; }

        public long Lost { get; set; }

        /// <summary>How much of an interval the clock sees.</summary>
        public double Speed { get; set; } = 1;

        public long LostAtEnd { get; set; }

        public string? TroubleAtEnd { get; set; }

        public int Ends { get; private set; }

        public TimeSpan EndLimit { get; private set; }

        public List<TimeSpan> Intervals { get; } = [];

        internal override Task StartAsync(ClientWork work, CancellationToken cancellation)
        {
            Work = work;
            return Task.CompletedTask;
        }

        internal override Task<RedisClientSample> NextAsync(TimeSpan interval, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            Clock.Pass(interval * Speed);
            Intervals.Add(interval);
            return Task.FromResult(new RedisClientSample { LostWrites = Lost });
        }

        internal override Task<RedisClientSample> EndAsync(TimeSpan limit)
        {
            Ends++;
            EndLimit = limit;
            return Task.FromResult(new RedisClientSample { LostWrites = LostAtEnd, Trouble = TroubleAtEnd });
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
