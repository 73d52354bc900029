using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// A server that rejects SELECT during a run, as after a change of its ACL, runs the next commands in the database selected before.
/// </summary>
public class RefusedSelectTests
{
    private const string Refusal = "NOPERM User default has no permissions to run the 'select' command";

    [Theory]
    [InlineData("Move", 1)]
    [InlineData("Move", 2)]
    [InlineData("Move", 3)]
    [InlineData("Complete", 1)]
    [InlineData("Complete", 2)]
    public void No_key_command_runs_in_the_wrong_database(string operation, int refusedFrom)
    {
        var scene = new Scene(ServerRules.Valkey91WithDatabases, operation == "Move" ? Start.Stable : Start.Migrating, seed: 1);
        var selected = new ConditionalWeakTable<INodeConnection, StrongBox<int>>();
        var misplaced = new List<string>();
        var selects = 0;
        var refusing = new InterceptingConnector(scene.Cluster, async sending =>
        {
            var database = selected.GetOrCreateValue(sending.Connection);
            // Counts read every database and report the one that they could not read.
            var counts = sending.Commands.Any(command => InterceptedSend.Is(command, "CLUSTER COUNTKEYSINSLOT"));
            var replies = new List<RespValue>();
            foreach (var command in sending.Commands)
            {
                if (!counts && InterceptedSend.Text(command) == "SELECT 1" && ++selects >= refusedFrom)
                {
                    replies.Add(RespValue.Error(Refusal));
                    continue;
                }

                var reply = (await sending.ForwardAsync([command]))[0];
                if (InterceptedSend.Is(command, "SELECT ") && !reply.IsError)
                    database.Value = int.Parse(InterceptedSend.Text(command).Split(' ')[1]);
                if (InterceptedSend.Is(command, "MIGRATE ") && InterceptedSend.Text(command).Split(' ')[4] != database.Value.ToString())
                    misplaced.Add("in database " + database.Value + ": " + InterceptedSend.Text(command));
                replies.Add(reply);
            }

            return replies;
        });

        Operation.Named(operation).Run(scene, refusing);

        Assert.Empty(misplaced);
        scene.Cluster.Ledger.RequireNothingLost();
        var (attempts, violations) = Proof.Run(scene, Operation.Named(operation), scene.Cluster);
        Assert.True(violations.Count == 0, string.Join("; ", attempts) + "\n" + string.Join("\n", violations));
    }
}
