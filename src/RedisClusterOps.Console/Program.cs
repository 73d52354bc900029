using System.Globalization;
using System.Threading.Tasks;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console;

internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        // Messages of the libraries too read the same on every host; scripts and searches rely on it.
        CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
        CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.InvariantCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        var screen = new Screen(System.Console.Out, System.Console.Error);
        using var interruption = new Interruption(screen);
        return await new FrontDoor(screen).RunAsync(arguments, interruption.Token);
    }
}
