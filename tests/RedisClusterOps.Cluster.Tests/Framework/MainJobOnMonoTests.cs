using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Framework;

/// <summary>
/// The shipped dll does its main job in a net472 program under Mono 6.8, the runtime on Linux that is closest to .NET Framework. This
/// proves that Core needs no API, runtime behaviour or async machinery of modern .NET. It does not prove that the sockets and TLS
/// (Schannel) of .NET Framework or PowerShell 5.1 itself work, which run on Windows only.
/// </summary>
/// <remarks>
/// The certificates are RSA and the PFX is encrypted with 3DES. Mono's own X509Chain can't verify a signature by an ECDSA key ("Cannot
/// decode public key from unknown OID '1.2.840.10045.2.1'"), and its BoringSSL can't read a PFX encrypted with AES ("Unable to decode
/// certificate"). Windows does both.
/// </remarks>
public sealed class MainJobOnMonoTests
{
    private const int Completed = 5519;
    private const int Undone = 100;
    private const int WedgedKeys = 60;

    public enum Transport
    {
        Plain,
        Tls,
        MutualTls,
    }

    public static TheoryData<Transport> Transports => KillCase.IsFullProof ? [.. Enum.GetValues<Transport>()] : [Transport.Tls];

    [Theory]
    [MemberData(nameof(Transports))]
    public async Task Slots_are_diagnosed_completed_undone_and_rebalanced_there_and_back(Transport transport)
    {
        using var authority = new TestAuthority(rsa: true);
        var home = Directory.CreateTempSubdirectory("redisclusterops-mono-");
        try
        {
            await using var cluster = await FilledCluster.StartAsync(
                Servers.Redis70, keys: 4_000, with: options => With(options, transport, authority));
            var before = await cluster.OwnersAsync();
            var (completed, undone) = (await WedgeAsync(cluster, Completed, target: 2), await WedgeAsync(cluster, Undone, target: 1));

            var run = await MonoProcess.RunAsync(home, Arguments(cluster, home, transport, authority));

            TestContext.Current.TestOutputHelper!.WriteLine(run.Output);
            Assert.True(run.ExitCode == 0, "exit status " + run.ExitCode + "\n" + run.Output + run.Errors);
            Assert.Contains("Mono", run.Output);

            // The undone slot is on its source and the completed one on its target. The rebalance was undone, so nothing else differs.
            var expected = before.ToArray();
            expected[Completed] = 2;
            Assert.Equal(expected, await cluster.OwnersAsync());
            await cluster.AssertConsistentAsync(completed.Keys.Concat(undone.Keys).ToDictionary(Encoding.UTF8.GetString, LabWedge.ValueOf));
            foreach (var slot in new[] { Completed, Undone })
                Assert.True((await cluster.Cluster.Wedge().ReadBackAsync(slot, WedgedKeys)).IsComplete);
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_server_of_another_authority_is_refused()
    {
        using var authority = new TestAuthority(rsa: true);
        using var stranger = new TestAuthority(rsa: true);
        var home = Directory.CreateTempSubdirectory("redisclusterops-mono-");
        try
        {
            await using var cluster = await FilledCluster.StartAsync(
                Servers.Redis70, keys: 0, masters: 1, with: options => With(options, Transport.Tls, authority));

            var run = await MonoProcess.RunAsync(home, Arguments(cluster, home, Transport.Tls, stranger));

            Assert.Equal(1, run.ExitCode);
            Assert.Contains("the server's certificate is not from the CA in " + stranger.CaPath, run.Errors);
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }

    private static Task<WedgedSlot> WedgeAsync(FilledCluster cluster, int slot, int target) =>
        cluster.Cluster.Wedge().WedgeAsync(cluster.Cluster.Node(target).Endpoint, slot, WedgedKeys, moved: WedgedKeys / 3);

    private static LocalClusterOptions With(LocalClusterOptions options, Transport transport, TestAuthority authority) =>
        transport == Transport.Plain ? options : options with
        {
            Tls = authority.ServerFiles,
            ConfigLines = transport == Transport.MutualTls ? ["tls-auth-clients yes"] : [],
            Connection = new ConnectionOptions
            {
                Tls = new TlsOptions
                {
                    CaCertificatePath = authority.CaPath,
                    CertificatePath = authority.ClientPemPath,
                    CertificateKeyPath = authority.ClientKeyPath,
                },
            },
        };

    private static IEnumerable<string> Arguments(FilledCluster cluster, DirectoryInfo home, Transport transport, TestAuthority authority)
    {
        var journal = home.CreateSubdirectory("journal").FullName;
        IEnumerable<string> arguments =
            ["cluster=" + cluster.Nodes[0].Endpoint, "complete=" + Completed, "undo=" + Undone, "journal=" + journal];
        return transport switch
        {
            Transport.Plain => arguments,
            Transport.Tls => [.. arguments, "ca=" + authority.CaPath],
            _ =>
            [
                .. arguments, "ca=" + authority.CaPath,
                "certificate=" + authority.ClientPfxPath, "password=" + TestAuthority.ClientPassword,
            ],
        };
    }
}
