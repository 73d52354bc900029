using System;
using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Lab.Commands;

namespace RedisClusterOps.Lab;

internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        // Messages of libraries are English, too, so that the output has one language.
        CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        using var interruption = new Interruption();
        return await new LabCommandLine(interruption, Console.Out, Console.Error).RunAsync(arguments);
    }
}
