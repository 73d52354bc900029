using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>While a target answers CLUSTERDOWN, a bulk move waits without reading nodes that it does not need.</summary>
public class RefusingTargetTests
{
    private const string Down = "ERR Target instance replied with error: CLUSTERDOWN The cluster is down";
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(10);

    [Fact]
    public void Only_the_target_is_read_and_ever_less_often()
    {
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1, new SceneOptions { Clients = 0 });
        var clock = scene.Cluster.Clock;
        TimeSpan? began = null;
        List<(TimeSpan At, string Text)> sent = [];
        var core = new InterceptingConnector(scene.Cluster, async sending =>
        {
            if (began is not null && clock.Now - began < Outage)
                sent.AddRange(sending.Commands.Select(command => (clock.Now, sending.Endpoint.Host + " " + InterceptedSend.Text(command))));
            if (!sending.Commands.Any(IsMigrate) || clock.Now - (began ??= clock.Now) >= Outage)
                return await sending.ForwardAsync();
            var replies = new List<RespValue>();
            foreach (var command in sending.Commands)
                replies.Add(IsMigrate(command) ? RespValue.Error(Down) : (await sending.ForwardAsync([command]))[0]);
            return replies;
        });

        var attempt = Operation.Move.Run(scene, core);
        Assert.True(attempt.Succeeded, attempt.ToString());
        scene.Cluster.Ledger.RequireNothingLost();

        var reads = sent.Where(each => each.Text.EndsWith("CLUSTER NODES", StringComparison.Ordinal)).ToList();
        Assert.All(reads, read => Assert.Equal(scene.Target.Endpoint.Host + " CLUSTER NODES", read.Text));
        var pauses = reads.Zip(reads.Skip(1), (one, next) => next.At - one.At).ToList();
        Assert.True(pauses.Count is > 6 and < 14, pauses.Count + " pauses");
        Assert.True(pauses[0] < TimeSpan.FromMilliseconds(600), "The first pause is " + pauses[0]);
        Assert.All(pauses.Skip(2), pause => Assert.InRange(pause, TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(1.5)));
    }

    private static bool IsMigrate(RespCommand command) => InterceptedSend.Is(command, "MIGRATE");
}
