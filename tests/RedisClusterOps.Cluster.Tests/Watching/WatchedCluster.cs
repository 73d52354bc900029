using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Watching;

/// <summary>
/// One cluster for all tests of alerts: three masters with slots, one without, and a replica of the first. Each check is a new watcher
/// whose clock the test sets.
/// </summary>
public sealed class WatchedCluster : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("redisclusterops-watch-").FullName;

    internal TestCluster Cluster { get; private set; } = null!;

    internal LocalNode Replica => Cluster.Replicas[0];

    public async ValueTask InitializeAsync() => Cluster = await TestCluster.StartAsync(
        Servers.Redis70,
        masters: 4,
        replicas: 1,
        with: options => options with { NodeTimeout = TimeSpan.FromSeconds(2), ConfigLines = ["cluster-require-full-coverage no"] });

    public async ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        await Cluster.DisposeAsync();
    }

    internal string NewStatePath() => Path.Combine(_folder, Path.GetRandomFileName());

    /// <param name="later">How far the watcher's clock is ahead.</param>
    internal async Task<IReadOnlyList<RedisClusterAlert>> CheckAlertsAsync(string? statePath = null, TimeSpan later = default)
    {
        // The check waits this long for a frozen node.
        var options = new ConnectionOptions { ConnectTimeout = TimeSpan.FromMilliseconds(700) };
        var connector = new LaterConnector(new NodeConnector(options), later);
        using var redis = new RedisCluster(new RedisClusterSession([Cluster.Node(0).Endpoint], options), connector, null)
        {
            NextActionText = NextActionText.Of,
        };
        var outcome = await redis.GetAlertsAsync(new AlertOptions { StatePath = statePath }, default);
        Assert.Null(outcome.Failure);
        return outcome.Alerts;
    }

    internal async Task<RedisClusterAlert> UntilAsync(AlertCode code, string target)
    {
        RedisClusterAlert? found = null;
        await UntilAsync(
            alerts => (found = alerts.FirstOrDefault(alert => alert.Code == code && alert.Target.Split(',').Contains(target))) is not null,
            code + " " + target);
        return found!;
    }

    internal Task UntilQuietAsync() => UntilAsync(alerts => alerts.Count == 0, "nothing");

    private async Task UntilAsync(Func<IReadOnlyList<RedisClusterAlert>, bool> holds, string wanted)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        for (var alerts = await CheckAlertsAsync(); !holds(alerts); alerts = await CheckAlertsAsync())
        {
            Assert.True(DateTime.UtcNow < until, "Expected " + wanted + ", got " + string.Join("; ", alerts));
            await Task.Delay(50);
        }
    }

    private sealed class LaterConnector(INodeConnector inner, TimeSpan later) : INodeConnector, IClock
    {
        public IClock Clock => this;

        public TimeSpan Now => inner.Clock.Now;

        public DateTime UtcNow => inner.Clock.UtcNow + later;

        public Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
            inner.ConnectAsync(endpoint, cancellation);

        public Task PauseAsync(TimeSpan pause, CancellationToken cancellation) => inner.Clock.PauseAsync(pause, cancellation);
    }
}
