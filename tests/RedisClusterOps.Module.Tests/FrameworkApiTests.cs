using System;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.Versioning;
using Xunit;

namespace RedisClusterOps.Module.Tests;

/// <summary>Windows PowerShell 5.1 runs on .NET Framework, 4.7.2 at the least. What it does not have fails there at the first call, so it is looked for here.</summary>
public sealed class FrameworkApiTests
{
    private static readonly FrameworkApi Framework = new(
        typeof(FrameworkApiTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == "Framework").Value!);

    public static TheoryData<Type> Shipped => [typeof(RedisCluster), typeof(RedisClusterCmdlet)];

    [Theory, MemberData(nameof(Shipped))]
    public void A_shipped_assembly_uses_nothing_that_NET_Framework_4_7_2_does_not_have(Type one)
    {
        Assert.Equal(".NETStandard,Version=v2.0", one.Assembly.GetCustomAttribute<TargetFrameworkAttribute>()!.FrameworkName);
        Assert.Empty(Framework.Missing(one.Assembly.Location, name => name == "netstandard"));
    }

    [Fact]
    public void What_only_newer_frameworks_have_is_found()
    {
        // This test itself uses one: its own assembly is the counter-example.
        Assert.NotEmpty(Path.GetRelativePath("a", Path.Join("a", "b")));
        Assert.InRange(Framework.TypeCount, 5_000, int.MaxValue);
        var missing = Framework.Missing(typeof(FrameworkApiTests).Assembly.Location, name => name.StartsWith("System.", StringComparison.Ordinal) && name != "System.Management.Automation");
        Assert.Contains("System.IO.Path: static String GetRelativePath(String, String)", missing);
        Assert.DoesNotContain(missing, member => member.StartsWith("System.IO.Path: static String Combine(", StringComparison.Ordinal));
    }
}
