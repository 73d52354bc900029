using System;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Journal;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>When clients that are redirected again and again are an alert. Each check is a process of its own.</summary>
public sealed class RedirectAlertTests : IDisposable
{
    private readonly WatchedCluster _cluster = new() { IsOpen = false, MovedRepliesOfA = 1_000_000 };

    [Fact]
    public async Task Only_replies_between_two_checks_are_an_alert()
    {
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        var first = _cluster.Now;
        Pass(TimeSpan.FromMinutes(5), replies: 300 * 70);

        var alert = Assert.Single((await _cluster.LookAsync()).Alerts);

        Assert.Equal(
            (AlertCode.ClientsRedirected, FindingSeverity.Warning, "cluster", first, false),
            (alert.Code, alert.Severity, alert.Target, alert.Since, alert.IsSinceExact));
        Assert.Equal(
            "The nodes sent 70 MOVED replies per second in the last 5 min: 10.0.0.1:6379 70."
                + " A client keeps an old slot map, or does not support clusters.",
            alert.Message);
        Assert.StartsWith("Measure-RedisClusterTraffic -Count 10", alert.Advice);

        // It lasts from its beginning, and ends with the redirects.
        Pass(TimeSpan.FromMinutes(5), replies: 300 * 20);
        alert = Assert.Single((await _cluster.LookAsync()).Alerts);
        Assert.Equal(first, alert.Since);
        Assert.EndsWith("clusters. For at least 10 min.", alert.Message);
        Pass(TimeSpan.FromMinutes(5), replies: 0);
        Assert.Empty((await _cluster.LookAsync()).Alerts);
    }

    [Theory]
    [InlineData(300, 3000, false)]
    [InlineData(300, 3001, true)]
    // A client that reads the slot map again is redirected once for each slot that it uses.
    [InlineData(1, 100, false)]
    [InlineData(1, 101, true)]
    public async Task The_rate_is_that_of_ten_seconds_at_least(int seconds, int replies, bool isAlert)
    {
        await _cluster.LookAsync();
        Pass(TimeSpan.FromSeconds(seconds), replies);
        Assert.Equal(isAlert, (await _cluster.LookAsync()).Alerts.Count == 1);
    }

    [Fact]
    public async Task The_threshold_is_a_parameter()
    {
        await _cluster.LookAsync();
        Pass(TimeSpan.FromMinutes(1), replies: 60 * 5);
        var options = new AlertOptions { StatePath = _cluster.StatePath, MaxMovedPerSecond = 4 };
        Assert.Single((await _cluster.LookAsync(options)).Alerts);
    }

    [Fact]
    public async Task A_lower_count_means_that_the_node_restarted()
    {
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(1));
        _cluster.MovedRepliesOfA = 900_000;
        Assert.Empty((await _cluster.LookAsync()).Alerts);
    }

    [Fact]
    public async Task A_server_that_does_not_count_is_no_alert_and_leaves_no_observation()
    {
        await _cluster.LookAsync();
        _cluster.Pass(TimeSpan.FromMinutes(1));
        _cluster.MovedRepliesOfA = null;
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        _cluster.Pass(TimeSpan.FromMinutes(1));
        _cluster.MovedRepliesOfA = 2_000_000;
        Assert.Empty((await _cluster.LookAsync()).Alerts);
    }

    [Fact]
    public async Task Earlier_traffic_serves_as_an_observation()
    {
        var options = new AlertOptions
        {
            PreviousTraffic = [new RedisClusterTraffic { NodeId = TestJournal.NodeA, Time = _cluster.Now, MovedReplies = 1_000_000 }],
        };
        Pass(TimeSpan.FromMinutes(1), replies: 6_000);
        Assert.Contains(" 100 MOVED replies per second", Assert.Single((await _cluster.LookAsync(options)).Alerts).Message);
    }

    public void Dispose() => _cluster.Dispose();

    private void Pass(TimeSpan time, int replies)
    {
        _cluster.Pass(time);
        _cluster.MovedRepliesOfA += replies;
    }
}
